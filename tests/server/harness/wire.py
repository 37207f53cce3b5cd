"""One client's conversation with the server, byte by byte as it is."""

import array
import fcntl
import socket
import termios
from typing import Self

from .timing import scale, wait_until

Address = tuple[str, int] | str  # host and port, or the path of a socket

TIMEOUT_S = 15


class Conversation:
    """A connection with a line buffer. Sends text as UTF-8, returns bytes."""

    def __init__(self, address: Address) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S * scale())
        self._unread = b""
        try:
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes our end; may be called twice."""
        self.sock.close()

    def raw(self, data: bytes) -> None:
        """Sends exactly these bytes."""
        self.sock.sendall(data)

    def send(self, *lines: str | bytes) -> None:
        """Sends lines, each ended by CR LF, in one go."""
        self.raw(b"".join(as_bytes(line) + b"\r\n" for line in lines))

    def settle(self) -> None:
        """Waits until the server has read all we sent. Unix sockets only:
        there the kernel tells what the reader has not taken yet."""
        left = array.array("i", [0])

        def taken() -> bool:
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, left)
            return left[0] == 0

        wait_until(taken, "the server has read what was sent", every_s=0)

    def _receive(self) -> bool:
        """Receives more; False at the end of the stream."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            return False
        self._unread += data
        return bool(data)

    def read(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self._unread) < count:
            if not self._receive():
                raise EOFError(f"closed after {self._unread!r}")
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def line(self) -> bytes:
        """The next line without its CR LF."""
        while b"\r\n" not in self._unread:
            if not self._receive():
                raise EOFError(f"closed after {self._unread!r}")
        line, self._unread = self._unread.split(b"\r\n", 1)
        return line

    def ask(self, *lines: str | bytes) -> bytes:
        """Sends lines and returns the one line of the reply."""
        self.send(*lines)
        return self.line()

    def lines(self, count: int) -> list[bytes]:
        """The next `count` lines."""
        return [self.line() for _ in range(count)]

    def until(self, last: bytes = b"END") -> list[bytes]:
        """The lines before the one that is `last`."""
        found = []
        while (line := self.line()) != last:
            found.append(line)
        return found

    def rest(self) -> bytes:
        """Everything up to the server's close."""
        while self._receive():
            pass
        data, self._unread = self._unread, b""
        return data

    def is_closed(self) -> bool:
        """Waits for the server's close; False if bytes came instead."""
        return self._unread == b"" and not self._receive()

    # ---- everyday commands ---------------------------------------------------
    def set(self, key: str, value: str | bytes, flags: int = 0, ttl: int = 0) -> bytes:
        """Classic set; returns the reply."""
        value = as_bytes(value)
        return self.ask(f"set {key} {flags} {ttl} {len(value)}", value)

    def get(self, key: str) -> bytes | None:
        """Classic get; None for a miss."""
        head = self.ask(f"get {key}")
        if head == b"END":
            return None
        word, _, _, length = head.split(b" ")
        assert word == b"VALUE", head
        value = self.read(int(length))
        assert self.read(7) == b"\r\nEND\r\n"
        return value

    def stats(self, *words: str) -> dict[str, str]:
        """`stats` as a dictionary; checks the form of every line."""
        self.send(" ".join(("stats", *words)))
        found: dict[str, str] = {}
        for line in self.until():
            word, name, value = line.decode().split(" ", 2)
            assert word == "STAT", line
            assert name not in found, f"{name} appears twice"
            found[name] = value
        return found

    def clock(self) -> int:
        """The server's clock, through a meta get of nothing in particular."""
        reply = self.ask("mg _ a")
        return int(reply.split(b" a")[1])


def as_bytes(text: str | bytes) -> bytes:
    """Bytes as they are, text as UTF-8."""
    return text.encode() if isinstance(text, str) else text
