"""Values: of every size, through pipelines, and to slow readers."""

import random

import pytest

from harness.process import Server
from harness.timing import sanitizer
from harness.wire import Conversation


def value_of(size: int, seed: int = 0) -> bytes:
    """Bytes that show where they belong."""
    return random.Random(size + seed).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 2, 100, 1000, 1023, 1024, 1025, 2047, 2048,
    2049, 4095, 4096, 4097, 8191, 8192, 16383, 16384, 16385, 65534, 65535, 65536,
    65537, 131072, 262143, 524288, 1_000_000, 1_047_552])  # fmt: skip
def test_sizes(client: Conversation, size: int) -> None:
    """What was stored comes back, by classic and meta commands."""
    value = value_of(size)
    assert client.set("k", value, flags=size % 1000) == b"STORED"
    assert client.get("k") == value
    client.send("mg k v s f")
    assert client.line() == b"VA %d s%d f%d" % (size, size, size % 1000)
    assert client.read(size + 2) == value + b"\r\n"
    assert client.ask(f"ms m {size} Gt", value) == b"HD"
    assert client.get("m") == value
    assert client.ask("invalidate t") == b"INVALIDATED 1"
    assert client.get("m") is None


@pytest.mark.parametrize("size", [1_048_577, 1_049_600, 5_000_000])
def test_too_large(client: Conversation, size: int) -> None:
    """Refused after it was swallowed; the older value is gone."""
    assert client.set("k", "old") == b"STORED"
    assert client.set("k", bytes(size)) == b"SERVER_ERROR object too large for cache"
    assert client.get("k") is None
    assert client.stats()["store_too_large"] == "1"


@pytest.mark.parametrize(("key", "flags"), [("k", 0), ("k", 5), ("k" * 250, 0)])
def test_exact_limit(client: Conversation, key: str, flags: int) -> None:
    """By memcached's own sum: header 48, CAS 8, key and its end, flags 4 where
    there are any, value and its line end."""
    fits = (1 << 20) - 48 - 8 - (len(key) + 1) - (4 if flags else 0) - 2
    assert client.set(key, bytes(fits), flags) == b"STORED"
    assert len(client.get(key) or b"") == fits
    refused = b"SERVER_ERROR object too large for cache"
    assert client.set(key, bytes(fits + 1), flags) == refused
    assert client.get(key) is None


@pytest.mark.options("-I", "8m", "-m", "64")
def test_larger_items_by_option(client: Conversation) -> None:
    """-I raises the limit."""
    value = value_of(8_000_000)
    assert client.set("k", value) == b"STORED"
    assert client.get("k") == value
    assert client.set("k", bytes((8 << 20) + 1)).startswith(b"SERVER_ERROR")


def test_growing_by_append(client: Conversation) -> None:
    """From a few bytes to many, by both ends."""
    assert client.set("k", "-") == b"STORED"
    expected = b"-"
    for turn in range(60):
        piece = value_of(turn * 200, seed=turn)
        word = "append" if turn % 2 else "prepend"
        assert client.ask(f"{word} k 0 0 {len(piece)}", piece) == b"STORED"
        expected = expected + piece if turn % 2 else piece + expected
    assert client.get("k") == expected


def test_overwriting_with_other_sizes(client: Conversation) -> None:
    """A key keeps only its last value; the rest is given back."""
    chance = random.Random(5)
    for turn in range(300):
        value = value_of(chance.choice((0, 10, 1000, 5000, 70_000, 300_000)), turn)
        assert client.set("k", value) == b"STORED"
        assert client.get("k") == value
    assert client.stats()["curr_items"] == "1"
    assert int(client.stats()["bytes"]) < 2_000_000


def test_multiget_of_many(client: Conversation) -> None:
    """A hundred keys, some large, in the order asked for."""
    values = {f"key{n}": value_of(n * n * 10) for n in range(100)}
    for key, value in values.items():
        assert client.set(key, value) == b"STORED"
    order = list(values)
    random.Random(3).shuffle(order)
    client.send("get " + " ".join(order))
    for key in order:
        assert client.line() == f"VALUE {key} 0 {len(values[key])}".encode()
        assert client.read(len(values[key]) + 2) == values[key] + b"\r\n"
    assert client.line() == b"END"


def test_deep_pipeline(client: Conversation) -> None:
    """Thousands of mixed requests in one go; every reply is in its place."""
    count = 5000 if sanitizer() is None else 1000
    sent, expected = [], []
    for n in range(count):
        value = value_of(n % 300)
        sent.append(b"set k%d 0 0 %d\r\n%s\r\n" % (n % 50, len(value), value))
        expected.append(b"STORED\r\n")
        sent.append(b"get k%d none\r\n" % (n % 50))
        head = b"VALUE k%d 0 %d\r\n" % (n % 50, len(value))
        expected.append(head + value + b"\r\nEND\r\n")
        sent.append(b"delete k%d\r\nmn\r\n" % (n % 50))
        expected.append(b"DELETED\r\nMN\r\n")
    client.sock.setblocking(False)
    todo, answer, want = memoryview(b"".join(sent)), b"", b"".join(expected)
    received = []
    size = 0
    while size < len(want):
        try:
            if todo:
                todo = todo[client.sock.send(todo) :]
        except BlockingIOError:
            pass
        try:
            received.append(client.sock.recv(1 << 16))
            assert received[-1], "closed"
            size += len(received[-1])
        except BlockingIOError:
            pass
    answer = b"".join(received)
    assert answer == want


def test_queued_values_survive_their_entries(server: Server) -> None:
    """What was asked for before a change is sent as it was, even to a reader
    that is slow to take it."""
    size, count = 900_000, 8
    old, new = value_of(size, 1), value_of(size, 2)
    with server.connect() as slow, server.connect() as other:
        assert other.set("k", old) == b"STORED"
        slow.send(*["get k"] * count)
        head = b"VALUE k 0 %d\r\n" % size
        assert slow.read(len(head)) == head  # it has begun
        assert other.set("k", new) == b"STORED"
        assert other.ask("delete k") == b"DELETED"
        assert other.ask("flush_all") == b"OK"
        assert slow.read(size + 2) == old + b"\r\n"
        assert slow.line() == b"END"
        for _ in range(count - 1):
            first = slow.line()
            if first == b"END":
                continue  # asked for after the delete, from the server's side
            assert first + b"\r\n" == head
            value = slow.read(size)
            assert value in (old, new)
            assert slow.read(7) == b"\r\nEND\r\n"


@pytest.mark.options("-m", "64")
def test_readers_that_never_read(server: Server) -> None:
    """They hold back themselves, not the server: its memory stays bounded and
    others are served."""
    value = value_of(500_000)
    with server.connect() as other:
        assert other.set("k", value) == b"STORED"
        lazy = [server.connect() for _ in range(50)]
        for client in lazy:
            client.send(*["get k"] * 100)
        for _ in range(20):
            assert other.get("k") == value
        for client in lazy:
            client.close()
        assert other.get("k") == value
