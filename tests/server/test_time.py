"""What depends on the clock on the wall: ends of entries, delayed flushes."""

import time

import pytest

from harness.timing import scale, wait_until
from harness.wire import Conversation


def test_expires(client: Conversation) -> None:
    """Not before its time less a tick, and not much after."""
    began = time.monotonic()
    assert client.set("k", "v", ttl=2) == b"STORED"
    assert client.get("k") == b"v"
    wait_until(lambda: client.get("k") is None, "it has expired")
    took = time.monotonic() - began
    assert 1.0 <= took <= 2.6 * scale()


def test_absolute_end(client: Conversation) -> None:
    """A moment of Unix time."""
    end = int(time.time()) + 3
    assert client.set("k", "v", ttl=end) == b"STORED"
    assert client.get("k") == b"v"
    wait_until(lambda: client.get("k") is None, "it has expired")
    assert end - 1.1 <= time.time() <= end + 1.6 * scale()


def test_touch_moves_the_end(client: Conversation) -> None:
    """touch and gat: later, and sooner."""
    for key in ("later", "sooner"):
        assert client.set(key, "v", ttl=2 if key == "later" else 100) == b"STORED"
    assert client.ask("touch later 100") == b"TOUCHED"
    client.send("gat 1 sooner")
    assert client.until() == [b"VALUE sooner 0 1", b"v"]
    assert client.set("mark", "v", ttl=2) == b"STORED"
    wait_until(lambda: client.get("mark") is None, "its time has come")
    assert client.get("later") == b"v"
    assert client.get("sooner") is None


def test_seconds_left(client: Conversation) -> None:
    """mg t counts down."""
    assert client.ask("ms k 1 T100", "v") == b"HD"
    assert client.ask("mg k t") in (b"HD t100", b"HD t99")
    wait_until(lambda: client.ask("mg k t") == b"HD t98", "two seconds less")


def test_swept_without_being_read(client: Conversation) -> None:
    """Memory of what has expired comes back by itself."""
    count = 2000
    for number in range(count):
        client.send(f"set k{number} 0 1 1000", b"x" * 1000)
    assert client.lines(count) == [b"STORED"] * count
    full = int(client.stats()["bytes"])
    wait_until(
        lambda: client.stats()["curr_items"] == "0", "all are swept", timeout_s=60
    )
    stats = client.stats()
    assert stats["reclaimed"] == stats["expired_unfetched"] == str(count)
    assert int(stats["bytes"]) < full / 2


def test_delayed_flush(client: Conversation) -> None:
    """At its moment everything goes, what was stored since the command too."""
    assert client.set("before", "1") == b"STORED"
    assert client.ask("flush_all 2") == b"OK"
    assert client.set("between", "2") == b"STORED"
    assert client.get("before") == b"1"
    assert client.get("between") == b"2"
    wait_until(lambda: client.get("before") is None, "the flush")
    assert client.get("between") is None
    assert client.set("after", "3") == b"STORED"
    assert client.get("after") == b"3"


def test_one_pending_flush(client: Conversation) -> None:
    """A later command replaces the one that is pending."""
    assert client.ask("flush_all 1") == b"OK"
    assert client.ask("flush_all 1000") == b"OK"
    assert client.set("k", "1") == b"STORED"
    assert client.set("mark", "1", ttl=3) == b"STORED"
    wait_until(lambda: client.get("mark") is None, "time has passed")
    assert client.get("k") == b"1"


@pytest.mark.parametrize("command", ["flush_all", "flush_all 0", "flush_all -1"])
def test_flush_within_one_second(client: Conversation, command: str) -> None:
    """What came before is gone, what comes after stays, many times over."""
    for number in range(200):
        client.send("set k 0 0 3", "old", command, "get k", "set k 0 0 3", "new", "get k")
        assert client.line() == b"STORED", number
        assert client.line() == b"OK"
        assert client.line() == b"END"
        assert client.line() == b"STORED"
        assert client.until() == [b"VALUE k 0 3", b"new"]
