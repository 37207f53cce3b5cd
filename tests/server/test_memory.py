"""Memory: eviction instead of errors, and the limit that -m sets."""

import random
import time
from collections.abc import Iterator

import pytest

from harness.flood import flood
from harness.process import Server
from harness.proc import memory_peak_bytes
from harness.timing import sanitizer

BATCH = 1000
HOT = 1000  # keys that are read again and again


def sets(first: int, count: int, value: bytes) -> Iterator[tuple[bytes, int]]:
    """Batches of distinct sets: key-00000001 and so on."""
    line = b"set key-%%08d 0 0 %d\r\n%s\r\n" % (len(value), value)
    pattern = line * BATCH
    for start in range(first, first + count, BATCH):
        yield pattern % tuple(range(start, start + BATCH)), BATCH


def read_hot(client) -> int:
    """Reads all hot keys; returns how many hit."""
    hits = 0
    for start in range(0, HOT, 100):
        client.send("get " + " ".join(f"hot-{n}" for n in range(start, start + 100)))
        hits += len(client.until()) // 2
    return hits


def fill(server: Server, total: int, value: bytes, pause: int) -> None:
    """Distinct sets, with the hot keys read after every `pause` of them."""
    with server.connect() as client, server.connect() as reader:
        hot = ((b"set hot-%d 0 0 3\r\nhot\r\n" % n, 1) for n in range(HOT))
        assert flood(client, hot) == b""
        for first in range(0, total, pause):
            assert flood(client, sets(first, pause, value)) == b""
            assert read_hot(reader) == HOT, f"after {first + pause} sets"
        stats = reader.stats()
    assert int(stats["cmd_set"]) == total + HOT
    assert int(stats["evictions"]) > 0
    assert stats["store_no_memory"] == "0"
    removed = sum(int(v) for k, v in stats.items() if k.startswith("removed_"))
    assert int(stats["curr_items"]) == int(stats["inserted"]) - removed
    assert int(stats["bytes"]) <= int(stats["limit_maxbytes"])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.options("-m", "100")
def test_ten_million_sets(server: Server) -> None:
    """No error, the peak of resident memory within bounds, and what is used
    stays."""
    began = time.monotonic()
    fill(server, 10_000_000, b"v" * 10, pause=200_000)
    peak = memory_peak_bytes(server.pid)
    print(f"{time.monotonic() - began:.0f} s, peak {peak / 2**20:.1f} MiB")
    assert peak < 100 * 2**20 * 1.10 + 16 * 2**20


@pytest.mark.options("-m", "16")
def test_a_million_sets(server: Server) -> None:
    """The same, smaller; under a sanitizer smaller still, and there its own
    memory is not ours to judge."""
    total = 1_000_000 if sanitizer() is None else 200_000
    fill(server, total, b"v" * 100, pause=20_000)
    if sanitizer() is None:
        assert memory_peak_bytes(server.pid) < 16 * 2**20 * 1.10 + 16 * 2**20


@pytest.mark.options("-m", "32", "-I", "4m")
def test_mixed_sizes_never_fail(server: Server) -> None:
    """From nothing to 3 MB, in any order: never out of memory while anything
    can be evicted."""
    chance = random.Random(7)
    turns = 4000 if sanitizer() is None else 800
    sizes = (0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 3_000_000)
    weights = (5, 30, 30, 20, 10, 3, 1.5, 0.5)
    block = bytes(3_000_000)
    with server.connect() as client:
        for turn in range(turns):
            (size,) = chance.choices(sizes, weights)
            reply = client.set(f"k{chance.randrange(2000)}", block[:size])
            assert reply == b"STORED", (turn, size)
        stats = client.stats()
    assert stats["store_no_memory"] == "0"
    assert int(stats["bytes"]) <= int(stats["limit_maxbytes"])


@pytest.mark.options("-m", "16")
def test_size_shift(server: Server) -> None:
    """Small values first, then only larger ones: all the memory is theirs."""
    with server.connect() as client:
        assert flood(client, sets(0, 200_000, b"s" * 50)) == b""
        assert flood(client, sets(500_000, 50_000, b"l" * 2000)) == b""
        stats = client.stats()
        keys = [f"key-{n:08d}" for n in range(500_000, 550_000)]
        held = 0
        for start in range(0, len(keys), 100):
            client.send("get " + " ".join(keys[start : start + 100]))
            held += len(client.until()) // 2
    assert stats["store_no_memory"] == "0"
    # 2,000 bytes of 16 MB: 8,388 at the very most.
    assert held > 5000
    assert held * 2000 > 0.6 * (16 << 20)


@pytest.mark.options("-m", "16")
def test_tags_are_inside_the_limit(server: Server) -> None:
    """Distinct tags without end: records are forgotten, never memory lost."""
    count = 300_000 if sanitizer() is None else 60_000

    def batches() -> Iterator[tuple[bytes, int]]:
        for start in range(0, count, BATCH):
            data = b"".join(
                b"ms k%d 1 Gtag-%032d,a-%d T0\r\nx\r\n" % (n % 100, n, n)
                for n in range(start, start + BATCH)
            )
            yield data, BATCH

    with server.connect() as client:
        client.sock.settimeout(120)
        for data, lines in batches():
            client.raw(data)
            assert client.lines(lines) == [b"HD"] * lines
        stats = client.stats()
        assert int(stats["tag_links"]) == 200
        assert stats["curr_items"] == "100"
        for n in range(100):
            tag = f"a-{count - 100 + n}"
            assert client.ask(f"invalidate {tag}") == b"INVALIDATED 1"
        assert client.get(f"k{99}") is None
    if sanitizer() is None:
        assert memory_peak_bytes(server.pid) < 16 * 2**20 * 1.10 + 16 * 2**20
