"""Tags, beyond what one conversation shows: several clients, uploads in their
middle, restarts, bounded memory, cost."""

import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from harness.process import Server
from harness.timing import sanitizer, wait_until
from harness.wire import Conversation

Start = Callable[..., Server]


@pytest.fixture
def pair(start: Start) -> Iterator[tuple[Conversation, Conversation]]:
    """Two clients of one server. On a unix socket one can wait until the server
    has read what was sent; with one thread it has then also parsed it before it
    turns to the other client."""
    server = start("-t", "1", unix=True)
    with server.connect() as first, server.connect() as second:
        yield first, second


class Upload:
    """A store whose line and half of its data have been read by the server."""

    def __init__(self, client: Conversation, line: str, size: int) -> None:
        self.client, self.rest = client, b"x" * (size - size // 2) + b"\r\n"
        client.raw(line.encode() + b"\r\n" + b"x" * (size // 2))
        client.settle()

    def finish(self) -> bytes:
        """Sends the rest; the reply."""
        self.client.raw(self.rest)
        return self.client.line()


SIZES = [10, 5000, 500_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("with_clock", [True, False], ids=["A", "no A"])
def test_overtaken_while_uploading(pair, size: int, with_clock: bool) -> None:
    """An invalidation between a store's line and the end of its data counts:
    the check is made when the entry is linked."""
    client, other = pair
    for tag, reply in (("t", b"NS"), ("another", b"HD")):
        clock = f" A{client.clock()}" if with_clock else ""
        upload = Upload(client, f"ms k {size} Gt{clock}", size)
        assert other.ask(f"invalidate {tag}") == b"INVALIDATED 0"
        assert upload.finish() == reply
        assert other.get("k") == (b"x" * size if reply == b"HD" else None)


@pytest.mark.parametrize("size", SIZES)
def test_flushed_while_uploading(pair, size: int) -> None:
    """flush_all counts for a tagged store, and for one with a clock; a plain
    one is memcached's and comes after the flush."""
    client, other = pair
    for flags, reply in (("Gt", b"NS"), ("A", b"NS"), ("", b"HD")):
        clock = client.clock() if flags == "A" else ""
        upload = Upload(client, f"ms k {size} {flags}{clock}", size)
        assert other.ask("flush_all") == b"OK"
        assert upload.finish() == reply, flags


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("command", ["delete k", "md k"])
def test_deleted_while_uploading(pair, size: int, command: str) -> None:
    """A delete of the key counts for a store with a clock only."""
    client, other = pair
    for flags, reply in (("A", b"NS"), ("Gt A", b"NS"), ("Gt", b"HD"), ("", b"HD")):
        clock = client.clock() if "A" in flags else ""
        upload = Upload(client, f"ms k {size} {flags}{clock}", size)
        other.ask(command)
        assert upload.finish() == reply, flags


def test_pipelined_invalidation(client: Conversation) -> None:
    """What follows in the same pipeline sees it."""
    turns = 500
    for _ in range(turns):
        client.send("ms k 1 Gt", "x", "mg k v", "invalidate t", "mg k v", "get k")
    for _ in range(turns):
        assert client.lines(6) == [b"HD", b"VA 1", b"x", b"INVALIDATED 1", b"EN", b"END"]


def test_clock_of_an_earlier_life(start: Start) -> None:
    """After a restart the cache is empty and old clocks are refused."""
    clocks = []
    for _ in range(5):
        server = start()
        with server.connect() as client:
            for old in clocks:
                assert client.ask(f"ms k 1 Gt A{old}", "x") == b"NS"
                assert client.ask(f"ms k 1 A{old}", "x") == b"NS"
            assert client.get("k") is None
            client.ask("invalidate a b c")
            clocks.append(client.clock())
            assert client.ask(f"ms k 1 Gt A{clocks[-1]}", "x") == b"HD"
    boots = {clock >> 48 for clock in clocks}
    assert len(boots) > 1  # drawn at random


@pytest.mark.options("-m", "8")
def test_forgetting_refuses_and_never_accepts(client: Conversation) -> None:
    """Tag records without entries are forgotten when memory is short. Then a
    store with an old clock and an unknown tag is refused: the tag might have
    been invalidated. New clocks work, and live entries keep their tags."""
    assert client.ask("ms live 4 Gkept", "live") == b"HD"
    old = client.clock()
    assert client.ask("invalidate secret") == b"INVALIDATED 0"
    count = 200_000 if sanitizer() is None else 60_000
    batch = 1000
    for first in range(0, count, batch):
        numbers = range(first, first + batch)
        client.send(*(f"invalidate some-tag-or-other-{n:0100d}" for n in numbers))
        assert client.lines(batch) == [b"INVALIDATED 0"] * batch
        assert client.get("live") == b"live"
    assert int(client.stats()["tags"]) < count
    assert client.ask(f"ms k 1 Gsecret A{old}", "x") == b"NS"
    assert client.ask(f"ms k 1 Gnever-seen A{old}", "x") == b"NS"
    assert client.ask(f"ms k 1 Gsecret A{client.clock()}", "x") == b"HD"
    assert client.ask("invalidate kept") == b"INVALIDATED 1"
    assert client.get("live") is None
    assert int(client.stats()["stale_stores_refused"]) == 2


def tagged_fill(client: Conversation, tag: str, count: int, first: int = 0) -> None:
    """So many entries with one tag, and each with one of its own."""
    batch = 500
    for start in range(first, first + count, batch):
        data = [f"ms e{n} 4 G{tag},own-{n}\r\nbody" for n in range(start, start + batch)]
        client.send(*data)
        assert client.lines(batch) == [b"HD"] * batch


@pytest.mark.options("-m", "512")
def test_cost_does_not_grow_with_the_entries(client: Conversation) -> None:
    """Invalidating a tag of 100,000 entries takes as long as one of 10."""
    many = 100_000 if sanitizer() is None else 10_000
    times: dict[str, list[float]] = {"few": [], "many": []}
    for turn in range(5):
        tagged_fill(client, f"many-{turn}", many)
        tagged_fill(client, f"few-{turn}", 500, first=many)
        for name, count in (("few", 500), ("many", many)):
            began = time.perf_counter()
            reply = client.ask(f"invalidate {name}-{turn}")
            times[name].append(time.perf_counter() - began)
            assert reply == b"INVALIDATED %d" % count
    # Walking 100,000 entries takes milliseconds at the very least.
    assert statistics.median(times["many"]) < 10 * statistics.median(times["few"]) + 1e-3


@pytest.mark.options("-m", "128")
def test_memory_comes_back(client: Conversation) -> None:
    """Dead entries are swept, without anybody reading them."""
    count = 50_000 if sanitizer() is None else 5000
    tagged_fill(client, "t", count)
    assert client.ask("ms live 1 Gu", "x") == b"HD"
    full = client.stats()
    assert client.ask("invalidate t") == b"INVALIDATED %d" % count
    wait_until(lambda: client.stats()["curr_items"] == "1", "all are swept", 60)
    stats = client.stats()
    assert stats["removed_invalidated"] == str(count)
    assert stats["tag_links"] == "1"
    assert int(stats["bytes"]) < int(full["bytes"]) / 4
    assert client.get("live") == b"x"
    assert client.get("e0") is None


@pytest.mark.options("-m", "16", "-I", "512k")
def test_tagged_entries_are_evicted_like_others(client: Conversation) -> None:
    """And their links go with them."""
    count = 100_000 if sanitizer() is None else 40_000
    for start in range(0, count, 500):
        lines = [f"ms k{n} 400 Gt,u{n % 10}\r\n{'x' * 400}" for n in range(start, start + 500)]
        client.send(*lines)
        assert client.lines(500) == [b"HD"] * 500
    stats = client.stats()
    assert int(stats["evictions"]) > 0
    assert int(stats["tag_links"]) == 2 * int(stats["curr_items"])
    reply = client.ask("invalidate t")
    assert int(reply.split()[1]) == int(stats["curr_items"])
    assert client.get(f"k{count - 1}") is None


def test_64_tags_of_250_bytes(client: Conversation) -> None:
    """The largest list there is comes back as it was given."""
    tags = ",".join(f"{n:03d}".ljust(250, "t") for n in range(64))
    assert client.ask(f"ms k 1 G{tags}", "x") == b"HD"
    assert client.ask("mg k g") == f"HD g{tags}".encode()
    assert client.ask(f"ms k 1 MA G{tags}", "y") == b"HD"
    assert client.ask("invalidate " + tags.replace(",", " ")) == b"INVALIDATED 64"
    assert client.ask("mg k g v") == b"EN"
