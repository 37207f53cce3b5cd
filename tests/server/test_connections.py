"""Connections: limits, bad input, and clients that vanish at any moment."""

import random
import select
import socket
import threading
from collections.abc import Callable

import pytest

from harness.process import Server
from harness.timing import sanitizer, wait_until
from harness.wire import Conversation

Start = Callable[..., Server]

SHORT_LINE = 20480  # bytes of a command line without its end
LONG_LINE = 65536  # of get, gets, gat, gats and invalidate


def open_connections(watcher: Conversation) -> int:
    """All but the one that asks."""
    return int(watcher.stats()["curr_connections"]) - 1


@pytest.mark.options("-c", "10")
def test_connection_limit(server: Server) -> None:
    """One too many is told so and closed; the others go on."""
    clients = [server.connect() for _ in range(10)]
    assert all(client.ask("mn") == b"MN" for client in clients)
    with server.connect() as refused:
        assert refused.rest() == b"ERROR Too many open connections\r\n"
    assert int(clients[0].stats()["rejected_connections"]) == 1
    assert all(client.ask("mn") == b"MN" for client in clients)
    clients.pop().close()
    wait_until(lambda: open_connections(clients[0]) == 8, "one is gone")
    with server.connect() as welcome:
        assert welcome.ask("mn") == b"MN"
    for client in clients:
        client.close()


def test_line_of_any_allowed_length(client: Conversation) -> None:
    """Up to the limits a line is read."""
    client.send("version " + "x" * (SHORT_LINE - 8))
    assert client.line().startswith(b"VERSION")
    for word in ("get", "gets", "gat 0"):
        line = word + " k" * ((LONG_LINE - len(word)) // 2)
        assert len(line) >= LONG_LINE - 1
        assert client.ask(line) == b"END"
    line = "invalidate" + " t" * ((LONG_LINE - 10) // 2)
    assert client.ask(line) == b"INVALIDATED 0"


@pytest.mark.parametrize(
    "line",
    [
        "version " + "x" * (SHORT_LINE - 7),
        "x" * (SHORT_LINE + 1),
        "set k 0 0 1 " + "x" * SHORT_LINE,
        "mg " + "k" * SHORT_LINE,
        "get " + "k " * (LONG_LINE // 2),
        "invalidate " + "k " * (LONG_LINE // 2),
        " " * (LONG_LINE + 1),
    ],
    ids=lambda line: line[:10].strip() or "blanks",
)
@pytest.mark.parametrize("ended", [True, False], ids=["ended", "endless"])
def test_line_too_long(server: Server, line: str, ended: bool) -> None:
    """An error, then the close; whether or not the line's end was sent."""
    with server.connect() as client:
        client.raw(line.encode() + (b"\r\nmn\r\n" if ended else b""))
        client.sock.shutdown(socket.SHUT_WR) if ended else None
        assert client.line() == b"CLIENT_ERROR line too long"
        assert client.rest() == b""
    with server.connect() as client:
        assert client.ask("mn") == b"MN"


def test_many_unknown_commands_close(server: Server) -> None:
    """Who sends ten lines in a row that are none speaks something else."""
    with server.connect() as client:
        for _ in range(9):
            assert client.ask("hello") == b"ERROR"
        assert client.ask("mn") == b"MN"
        for _ in range(10):
            assert client.ask("hello") == b"ERROR"
        assert client.rest() == b""


def test_web_page_stores_nothing(server: Server) -> None:
    """What a browser can be made to send never becomes a command."""
    body = b"set stolen 0 0 1\r\nx\r\n" * 50
    with server.connect() as web:
        web.raw(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1:11211\r\nOrigin: http://evil\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\n" + body
        )
        assert web.rest() == b""
    with server.connect() as client:
        assert client.get("stolen") is None


PIECES = (
    b"set victim 0 0 100\r\n" + b"x" * 50,
    b"set big 0 0 500000\r\n" + b"x" * 300_000,
    b"ms victim 100 Gt1,t2 A5\r\nabc",
    b"ms victim 3 Gt1,t2\r\nabc\r",
    b"get k",
    b"get k\r\n" * 100,
    b"get huge\r\n" * 5,
    b"incr n",
    b"\x80",
    b"",
    b"\r",
    b"invalidate t1",
    b"mg huge v\r\n" * 5 + b"mg",
    b"set a 0 0 abc\r\n",
    b"x" * 30_000,
)


def vanish(server: Server, piece: bytes, how: str) -> None:
    """Sends something and goes away without waiting for the answer."""
    client = server.connect()
    try:
        client.raw(piece)
        if how == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif how == "half":
            client.sock.shutdown(socket.SHUT_WR)
            client.rest()
    except OSError:
        pass  # the server was quicker
    client.close()


def test_vanishing_clients_leave_nothing(server: Server) -> None:
    """After clients that close, reset and half-close at every kind of moment,
    connections, entries and bytes are what they were."""
    rounds = 20 if sanitizer() is None else 4
    with server.connect() as watcher:
        assert watcher.set("k", "value") == b"STORED"
        assert watcher.set("huge", b"h" * 900_000) == b"STORED"
        assert watcher.ask("ms victim 3 Gt1,t2", "abc") == b"HD"
        for word in ("invalidate t1", "invalidate t2", "delete victim"):
            watcher.ask(word)

        def quiet() -> dict[str, str] | None:
            now = watcher.stats()
            return now if now["curr_connections"] == "1" else None

        before = wait_until(quiet, "only the watcher is connected")
        chance = random.Random(1)
        for _ in range(rounds):
            for piece in PIECES:
                how = chance.choice(("close", "reset", "half"))
                vanish(server, piece[: chance.randrange(len(piece) + 1)], how)
                vanish(server, piece, how)

        def is_as_before() -> bool:
            now = watcher.stats()
            names = ("curr_connections", "curr_items", "bytes")
            return [now[n] for n in names] == [before[n] for n in names]

        # What was stored completely may be there; it goes by its name.
        wait_until(lambda: open_connections(watcher) == 0, "all are gone")
        for key in ("victim", "big"):
            watcher.ask(f"delete {key}")
        wait_until(is_as_before, f"all is as before: {before}")
        assert watcher.get("k") == b"value"


def test_many_connections(start: Start) -> None:
    """A thousand at a time, each served, none left."""
    server = start("-c", "1100")
    count = 1000
    clients = [server.connect() for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(f"set k{number} 0 0 1", "x")
    assert all(client.line() == b"STORED" for client in clients)
    assert open_connections(clients[0]) == count - 1
    for client in clients[1:]:
        client.close()
    wait_until(lambda: open_connections(clients[0]) == 0, "all are gone")
    clients[0].close()


def test_a_deep_pipeline_starves_nobody(start: Start) -> None:
    """One thread, one client with a million requests that need no answer:
    another is served all the while."""
    server = start("-t", "1")
    count = 1_000_000 if sanitizer() is None else 200_000
    with server.connect() as greedy, server.connect() as modest:

        def send() -> None:
            greedy.raw(b"mg none v q\r\n" * count)
            greedy.send("mn")

        sender = threading.Thread(target=send)
        sender.start()
        served = 0
        while not select.select([greedy.sock], [], [], 0)[0]:
            assert modest.ask("mn") == b"MN"
            served += 1
        sender.join()
        assert greedy.line() == b"MN"
    assert served > 50
