"""No client takes the server from the others: by what it begins and does not
finish, by a line with very many keys."""

import contextlib

import pytest

from harness.process import Server
from harness.timing import wait_until

VALUE = "v" * 500


def fill(server: Server, prefix: str, count: int) -> None:
    """Stores entries, all of which must be taken."""
    with server.connect() as client:
        for at in range(count):
            assert client.set(f"{prefix}{at}", VALUE) == b"STORED"


def items(server: Server) -> int:
    """How many entries there are."""
    return int(server.stats()["curr_items"])


@pytest.mark.options("-m", "32")
def test_uploads_that_stall(server: Server) -> None:
    """Values that are announced and not sent take half of the memory at the
    most, and not for long."""
    fill(server, "before", 1000)
    with contextlib.ExitStack() as stack:
        for at in range(60):
            client = stack.enter_context(server.connect())
            client.raw(b"set up%d 0 0 1000000\r\n" % at + b"x" * 100)
        with server.connect() as other:
            assert other.ask("mn") == b"MN"
        assert items(server) == 1000
        fill(server, "after", 1000)
        assert items(server) == 2000
        # Sixteen were let begin; what more than eight keep is too much.
        wait_until(
            lambda: int(server.stats()["curr_connections"]) <= 1 + 60 - 7,
            "half of those who stalled are closed",
        )


@pytest.mark.options("-m", "16", "-c", "2000")
def test_lines_that_stall(server: Server) -> None:
    """Lines without an end likewise."""
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            client = stack.enter_context(server.connect())
            with contextlib.suppress(OSError):
                client.raw(b"get " + b"k " * 30000)
        fill(server, "key", 1000)
        assert items(server) == 1000


def test_many_keys_give_way(server: Server) -> None:
    """A line with very many keys is answered in several turns."""
    with server.connect() as client:
        client.set("hit", "yes")
        yields = int(client.stats()["conn_yields"])
        keys = ["miss"] * 10000
        keys[1000] = keys[9999] = "hit"
        client.send("get " + " ".join(keys), "mn")
        expected = [b"VALUE hit 0 3", b"yes"] * 2 + [b"END", b"MN"]
        assert client.lines(6) == expected
        assert int(client.stats()["conn_yields"]) >= yields + 9


def test_limit_changes_while_running(server: Server) -> None:
    """cache_memlimit: a lower one evicts, and the memory comes back."""
    with server.connect() as client:
        fill(server, "key", 40_000)  # some 22 MB
        before = items(server)
        assert client.ask("cache_memlimit 8") == b"OK"
        assert client.stats()["limit_maxbytes"] == str(8 << 20)
        wait_until(lambda: int(client.stats()["bytes"]) < 8 << 20, "it has shrunk")
        assert 5_000 < items(server) < before
        assert client.ask("cache_memlimit 64") == b"OK"
        fill(server, "key", 40_000)
        assert items(server) == before
