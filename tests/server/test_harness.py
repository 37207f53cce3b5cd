"""The harness can fail: servers that end badly are noticed."""

import stat
import sys
from pathlib import Path

import pytest

from harness import process
from harness.process import Server
from harness.timing import wait_until

FAKE = '''#!{python}
"""Answers everything like `version`, and ends in a way of its own."""
import os, signal, socket, sys, threading

def end(*_):
    {end}

signal.signal(signal.SIGTERM, end)
listener = socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("-p") + 1])))
while True:
    client, _ = listener.accept()
    with client:
        client.recv(100)
        client.sendall(b"VERSION 1.6.0\\r\\n")
'''

REPORT = """
    path = os.environ["TSAN_OPTIONS"].split("log_path=")[1].split(":")[0]
    open(path + ".1", "w").write("data race")
    os._exit(0)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a server with that end the binary under test."""

    def install(end: str) -> Server:
        path = tmp_path / "fake"
        path.write_text(FAKE.format(python=sys.executable, end=end))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(process, "binary", lambda: path)
        return Server(tmp_path / "place")

    return install


def test_a_good_end(fake) -> None:
    """So that the others fail for their reason."""
    fake("os._exit(0)").stop()


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os.abort()", "exit code -6"),
        ("pass", "still running"),
        (REPORT, "data race"),
    ],
)
def test_a_bad_end(fake, monkeypatch, end: str, what: str) -> None:
    """Each is an error of the test that used the server."""
    monkeypatch.setattr(process, "STOP_S", 1)
    server = fake(end)
    with pytest.raises(AssertionError, match=what):
        server.stop()
    assert not server.is_alive()


def test_an_end_before_its_time(fake) -> None:
    """A server that is gone when it should be stopped."""
    server = fake("os._exit(0)")
    server.kill()
    with pytest.raises(AssertionError, match="exit code -9"):
        server.stop()


def test_one_that_never_starts(tmp_path: Path, monkeypatch) -> None:
    """Its last words are shown."""
    path = tmp_path / "fake"
    path.write_text("#!/bin/sh\necho no luck >&2\nexit 1\n")
    path.chmod(0o700)
    monkeypatch.setattr(process, "binary", lambda: path)
    with pytest.raises(AssertionError, match="no luck"):
        Server(tmp_path / "place")


def test_waiting_ends() -> None:
    """wait_until gives up."""
    with pytest.raises(AssertionError, match="until pigs fly"):
        wait_until(lambda: False, "pigs fly", timeout_s=0.01)
