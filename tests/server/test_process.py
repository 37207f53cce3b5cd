"""Life and death: signals, the pid file, the daemon, what it listens on."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import proc
from harness.process import (
    Server,
    free_port,
    run_to_end,
    sanitizer_reports,
    user_arguments,
)
from harness.timing import sanitizer, wait_until
from harness.wire import Conversation

Start = Callable[..., Server]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_by_signal(start: Start, number: int) -> None:
    """Exit code 0 in time, with clients connected and an upload half done."""
    server = start()
    clients = [server.connect() for _ in range(10)]
    clients[0].raw(b"set half 0 0 100\r\nabc")
    clients[1].raw(b"get a")
    assert clients[2].ask("mn") == b"MN"
    server.send_signal(number)
    assert server.wait() == 0
    for client in clients:
        assert client.rest() == b""
        client.close()


def test_ends_under_load(start: Start) -> None:
    """No reply is cut: each client reads whole replies up to the close."""
    server = start()
    with server.connect() as client:
        assert client.set("k", b"x" * 2000) == b"STORED"
    reply = b"VALUE k 0 2000\r\n" + b"x" * 2000 + b"\r\nEND\r\n"
    errors: list[str] = []
    busy = threading.Barrier(5)

    def read_forever() -> None:
        with server.connect() as client:
            for turn in range(1_000_000):
                if turn == 10:
                    busy.wait()
                try:
                    client.raw(b"get k\r\n")
                    answer = client.read(len(reply))
                except (EOFError, OSError) as error:
                    # EOFError tells what had come: nothing, or a whole reply
                    if isinstance(error, EOFError) and str(error) != "closed after b''":
                        errors.append(str(error)[:100])
                    return
                if answer != reply:
                    errors.append(repr(answer[:100]))
                    return

    threads = [threading.Thread(target=read_forever) for _ in range(4)]
    for thread in threads:
        thread.start()
    busy.wait()
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    for thread in threads:
        thread.join()
    assert not errors


def test_hangup_and_pipe_do_not_end_it(server: Server) -> None:
    """SIGHUP and SIGPIPE leave it alone."""
    for number in (signal.SIGHUP, signal.SIGPIPE):
        server.send_signal(number)
        with server.connect() as client:
            assert client.ask("mn") == b"MN"
    assert server.is_alive()


def test_pid_file(start: Start, tmp_path: Path) -> None:
    """-P: the process id in a file, without -d as well."""
    path = tmp_path / "pid"
    server = start("-P", str(path))
    assert int(path.read_text()) == server.pid


def test_pid_file_that_cannot_be_written(start: Start) -> None:
    """A message, and it runs all the same."""
    server = start("-P", "/no/such/directory/pid")
    assert server.is_alive()
    assert "/no/such/directory" in server.stderr()


def test_daemon(tmp_path: Path) -> None:
    """-d: the command returns at once, with 0; the server goes on."""
    path, port = tmp_path / "pid", free_port()
    words = ("-d", "-P", str(path), "-l", "127.0.0.1", "-p", str(port))
    ended = run_to_end(*words, *user_arguments(()), place=tmp_path)
    assert ended.returncode == 0, ended.stderr
    pid = wait_until(lambda: path.exists() and path.read_text().strip(), "the pid file")
    pid = int(pid)
    try:

        def answers() -> bool:
            try:
                with Conversation(("127.0.0.1", port)) as client:
                    return client.ask("mn") == b"MN"
            except ConnectionRefusedError:
                return False

        wait_until(answers, "the daemon answers")
        assert os.getsid(pid) == pid
        for fd in (0, 1, 2):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
        if sanitizer() is None:
            # The one that gives freed memory back; a fork would lose it.
            assert "jemalloc_bg_thd" in proc.thread_names(pid)
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not proc.is_running(pid), "the daemon has ended")
    assert not sanitizer_reports(tmp_path), sanitizer_reports(tmp_path)
    assert not path.exists()


def test_daemon_tells_what_fails(server: Server, tmp_path: Path) -> None:
    """Its start fails where it is seen: in the command's exit code."""
    words = ("-d", "-l", "127.0.0.1", "-p", str(server.port))
    ended = run_to_end(*words, *user_arguments(()), place=tmp_path)
    assert ended.returncode == 71
    assert str(server.port) in ended.stderr


def test_no_udp(server: Server) -> None:
    """Nobody can be flooded through it."""
    mine = proc.sockets(server.pid)
    assert mine
    for table in ("udp", "udp6", "udplite", "raw", "packet"):
        for words in proc.net_table(server.pid, table):
            assert not mine & set(words), words


def test_loopback_by_default(start: Start) -> None:
    """Without -l it can be reached from this machine only."""
    server = start(listen=False)
    addresses = {address for address, _ in proc.listening(server.pid)}
    assert addresses
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}


def test_ipv6_loopback(start: Start) -> None:
    """[::1] works with and without brackets."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = start("-l", "::1")
    with Conversation(("::1", server.port)) as client:
        assert client.ask("mn") == b"MN"
