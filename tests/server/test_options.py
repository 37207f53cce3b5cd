"""The command line: what each option does, and how wrong ones are refused."""

import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import proc
from harness.process import Server, free_port, run_to_end, user_arguments
from harness.wire import Conversation

Start = Callable[..., Server]

EX_USAGE, EX_NOUSER, EX_OSERR = 64, 67, 71


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-c", "0"), 1),
        (("-c", "abc"), 1),
        (("-c", "-1"), 1),
        (("-t", "0"), 1),
        (("-t", "abc"), 1),
        (("-R", "0"), 1),
        (("-R", "x"), 1),
        (("-m", "0"), EX_USAGE),
        (("-m", "abc"), EX_USAGE),
        (("-m", "-5"), EX_USAGE),
        (("-I", "1"), EX_USAGE),
        (("-I", "abc"), EX_USAGE),
        (("-I", "2g"), EX_USAGE),
        (("-I", "1025m", "-m", "4096"), EX_USAGE),
        (("-I", "40m", "-m", "64"), EX_USAGE),  # more than half of -m
        (("-p", "65536"), EX_USAGE),
        (("-p", "-2"), EX_USAGE),
        (("-B", "binary"), EX_USAGE),
        (("-B", "foo"), EX_USAGE),
        (("-u", "no-such-user"), EX_NOUSER),
        (("-l", "256.1.1.1"), EX_OSERR),
        (("-s", "/no/such/directory/socket"), EX_OSERR),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_value(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    """One clear line on stderr, nothing on stdout, and memcached's code."""
    if "no-such-user" in words and os.geteuid() != 0:
        pytest.skip("-u counts for root only")
    ended = run_to_end(
        "-p", str(free_port()), *user_arguments(words), *words, place=tmp_path
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert len(lines[0]) > 15


@pytest.mark.parametrize("word", ["-p", "--port=abc", "-a9", "--unix-mask=rwx"])
def test_other_wrong_value(word: str, tmp_path: Path) -> None:
    """Where memcached takes them for something else, they are refused."""
    ended = run_to_end(*user_arguments(()), word, place=tmp_path)
    assert ended.returncode in (1, EX_USAGE)
    assert ended.stderr


@pytest.mark.parametrize("word", ["-y", "--no-such-option", "--mem=5x"])
def test_unknown_option(word: str, tmp_path: Path) -> None:
    """The option is named, and the code is 1."""
    ended = run_to_end(*user_arguments(()), word, place=tmp_path)
    assert ended.returncode in (1, EX_USAGE)
    assert word.strip("-").partition("=")[0] in ended.stderr or "memory" in ended.stderr.lower()
    assert len(ended.stderr.splitlines()) <= 2


@pytest.mark.skipif(os.geteuid() != 0, reason="for root only")
def test_root_must_be_asked_for(tmp_path: Path) -> None:
    """Nobody runs a server as root by accident."""
    ended = run_to_end("-p", str(free_port()), place=tmp_path)
    assert ended.returncode == EX_USAGE
    assert "-u root" in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="for root only")
def test_user(start: Start) -> None:
    """-u: it becomes that user, with that user's group and no others."""
    server = start("-u", "nobody")
    status = Path(f"/proc/{server.pid}/status").read_text()
    ids = dict(re.findall(r"^(Uid|Gid|Groups):\s*(.*)$", status, re.MULTILINE))
    assert "0" not in ids["Uid"].split()
    assert "0" not in ids["Gid"].split()
    assert "0" not in ids["Groups"].split()


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help(word: str, tmp_path: Path) -> None:
    """Every option is there, with its long name and on one screen's width."""
    ended = run_to_end(word, place=tmp_path)
    assert ended.returncode == 0
    assert ended.stderr == ""
    for letter, name in {
        "p": "port", "l": "listen", "s": "unix-socket", "a": "unix-mask",
        "t": "threads", "m": "memory-limit", "c": "conn-limit",
        "I": "max-item-size", "M": "disable-evictions", "R": "max-reqs-per-event",
        "b": "listen-backlog", "C": "disable-cas", "F": "disable-flush-all",
        "u": "user", "v": "verbose", "d": "daemon", "P": "pidfile",
        "h": "help", "V": "version",
    }.items():  # fmt: skip
        assert re.search(rf"^-{letter}, --{name}\b", ended.stdout, re.MULTILINE), name
    assert max(map(len, ended.stdout.splitlines())) <= 100


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_version(word: str, tmp_path: Path) -> None:
    """Name and number, nothing else."""
    ended = run_to_end(word, place=tmp_path)
    assert ended.returncode == 0
    assert re.fullmatch(r"tagcached \d+\.\d+\.\d+\n", ended.stdout)
    assert ended.stderr == ""


def test_port_in_use(server: Server, tmp_path: Path) -> None:
    """The line says which address."""
    words = ("-l", "127.0.0.1", "-p", str(server.port))
    ended = run_to_end(*user_arguments(()), *words, place=tmp_path)
    assert ended.returncode == EX_OSERR
    assert str(server.port) in ended.stderr
    with server.connect() as client:
        assert client.ask("mn") == b"MN"


def test_settings_show_the_options(start: Start) -> None:
    """`stats settings` says what the command line said."""
    server = start(
        "-m", "80", "-c", "77", "-t", "2", "-I", "2m", "-R", "33", "-M", "-b", "99",
        "-F", "-C",
    )  # fmt: skip
    settings = server.stats("settings")
    assert settings["maxbytes"] == str(80 << 20)
    assert settings["maxconns"] == "77"
    assert settings["num_threads"] == "2"
    assert settings["item_size_max"] == str(2 << 20)
    assert settings["reqs_per_event"] == "33"
    assert settings["evictions"] == "off"
    assert settings["tcp_backlog"] == "99"
    assert settings["flush_enabled"] == "no"
    assert settings["cas_enabled"] == "no"
    assert settings["tcpport"] == str(server.port)
    assert settings["domain_socket"] == "NULL"
    assert server.stats()["limit_maxbytes"] == str(80 << 20)
    assert server.stats()["threads"] == "2"
    assert server.stats()["max_connections"] == "77"


def test_long_options(start: Start) -> None:
    """Long names are memcached's."""
    settings = start(
        "--memory-limit=80", "--conn-limit=77", "--threads=2", "--max-item-size=2m",
        "--max-reqs-per-event=33", "--disable-evictions", "--listen-backlog=99",
        "--disable-flush-all", "--disable-cas", "--protocol=ascii",
    ).stats("settings")  # fmt: skip
    assert settings["maxbytes"] == str(80 << 20)
    assert settings["maxconns"] == "77"
    assert settings["evictions"] == "off"
    assert settings["flush_enabled"] == "no"
    assert settings["binding_protocol"] == "ascii"


def test_no_eviction(start: Start) -> None:
    """-M: a full server refuses, keeps what it has, and goes on."""
    server = start("-M", "-m", "8")
    with server.connect() as client:
        replies = [client.set(f"k{i}", b"x" * 100_000) for i in range(200)]
        refused = replies.index(b"SERVER_ERROR out of memory storing object")
        assert refused > 30
        assert client.get("k0") == b"x" * 100_000
        client.ask("delete k0")
        assert client.set("small", "1") == b"STORED"
        stats = client.stats()
    assert stats["evictions"] == "0"
    assert int(stats["store_no_memory"]) > 0


def test_unix_socket(start: Start) -> None:
    """-s: no TCP, mode 0700 by default, gone after the end."""
    server = start(unix=True)
    assert isinstance(server.address, str)
    with server.connect() as client:
        assert client.set("a", "1") == b"STORED"
        assert client.stats("settings")["domain_socket"] == server.address
    mode = os.stat(server.address).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o700
    assert not proc.listening(server.pid)


@pytest.mark.parametrize("mask", ["777", "0660", "600"])
def test_unix_socket_mask(start: Start, mask: str) -> None:
    """-a: its mode in octal."""
    server = start("-a", mask, unix=True)
    assert isinstance(server.address, str)
    assert stat.S_IMODE(os.stat(server.address).st_mode) == int(mask, 8)


def test_stale_unix_socket_is_replaced(start: Start, tmp_path: Path) -> None:
    """What a killed server left behind does not stop the next one."""
    path = tmp_path / "left-behind"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with start("-s", str(path)).connect() as client:
        assert client.ask("mn") == b"MN"


def test_port_zero(start: Start, tmp_path: Path) -> None:
    """-p 0: no TCP."""
    server = start("-p", "0", "-s", str(tmp_path / "socket"))
    assert not proc.listening(server.pid)


def test_any_free_port(start: Start) -> None:
    """-p -1: the kernel chooses; the choice is known from /proc."""
    server = start("-p", "-1")
    assert proc.listening(server.pid) == {("0100007F", server.port)}


def test_verbose(start: Start) -> None:
    """Silent by default; -v says what happens, -vv more, never a value."""
    said = {}
    for word in ("-t4", "-v", "-vv"):
        server = start(word)
        with server.connect() as client:
            client.ask("set secret-key 0 0 12", "secret-value")
            client.ask("nonsense")
        server.stop()
        said[word] = server.stderr()
    assert said["-t4"] == ""
    assert len(said["-vv"]) >= len(said["-v"]) > 0
    assert "secret-value" not in said["-vv"]


def test_list_of_addresses(start: Start) -> None:
    """-l takes a list, each with a port of its own if it likes."""
    port = free_port()
    server = start("-l", f"127.0.0.3,127.0.0.4:{port}")
    for address in (("127.0.0.3", server.port), ("127.0.0.4", port)):
        with Conversation(address) as client:
            assert client.ask("mn") == b"MN"


@pytest.mark.options("-l", "127.0.0.2")
def test_several_addresses(server: Server) -> None:
    """-l may be repeated."""
    with Conversation(("127.0.0.2", server.port)) as client:
        assert client.ask("mn") == b"MN"
    with server.connect() as client:
        assert client.ask("mn") == b"MN"
