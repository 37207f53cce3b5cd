"""Replays transcripts over sockets."""

import socket
from collections.abc import Callable, Iterator

from .process import Server
from .transcript import Names, Step, Transcript, TranscriptError
from .wire import Conversation

# How a turn's bytes are cut before they are sent, one part after the other.
Cut = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    """All at once."""
    yield data


def single_bytes(data: bytes) -> Iterator[bytes]:
    """Each byte on its own."""
    for byte in data:
        yield bytes([byte])


def cut_at(position: int) -> Cut:
    """In two parts, the first of `position` bytes."""

    def parts(data: bytes) -> Iterator[bytes]:
        yield data[:position]
        if len(data) > position:
            yield data[position:]

    return parts


class Replay:
    """One run of a transcript against a server."""

    def __init__(self, transcript: Transcript, server: Server, cut: Cut = whole):
        self.transcript = transcript
        self.server = server
        self.cut = cut
        self.names: Names = {}
        self.open: dict[str, Conversation] = {}

    def run(self) -> None:
        """Replays all of it; raises TranscriptError at the first difference."""
        try:
            for turn in self.transcript.turns():
                self._turn(turn)
            for name, conversation in self.open.items():
                self._expect_silence(name, conversation)
        finally:
            for conversation in self.open.values():
                conversation.close()

    def _connection(self, name: str) -> Conversation:
        if name not in self.open:
            self.open[name] = self.server.connect()
        return self.open[name]

    def _turn(self, turn: list[Step]) -> None:
        step = turn[0]
        if step.kind == "less":
            first, second = (int(self.names[word]) for word in step.words)
            if not first < second:
                raise self._error(step, f"{first} is not less than {second}")
            return
        connection = self._connection(step.connection)
        if step.kind == "send":
            self._send(connection, b"".join(s.text.fill(self.names) for s in turn))
        elif step.kind == "expect":
            self._expect(connection, step)
        elif step.kind == "closed":
            rest = connection.rest()
            if rest:
                raise self._error(step, f"it said {rest!r} first")
        elif step.kind == "close":
            self.open.pop(step.connection).close()

    def _send(self, connection: Conversation, data: bytes) -> None:
        for part in self.cut(data):
            try:
                connection.raw(part)
                if self.server.unix:
                    connection.settle()
            except (BrokenPipeError, ConnectionResetError):
                return  # it closed in the middle: what it said is checked next

    def _expect(self, connection: Conversation, step: Step) -> None:
        try:
            line = connection.line()
        except (EOFError, TimeoutError) as error:
            raise self._error(step, str(error)) from None
        if not step.text.match(line, self.names):
            raise self._error(step, f"it said {line!r}")

    def _expect_silence(self, name: str, connection: Conversation) -> None:
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was quicker
        rest = connection.rest()
        if rest:
            last = self.transcript.steps[-1]
            raise self._error(last, f"after the end {name} heard {rest!r}")

    def _error(self, step: Step, what: str) -> TranscriptError:
        where = f"{self.transcript.name}:{step.number}: {step.source}"
        return TranscriptError(f"{where}\n    {what}\n{self.server.stderr()}")


def run_pipelined(transcript: Transcript, server: Server) -> None:
    """Sends all of a transcript at once, then reads all replies. For those
    with one connection that is not closed, and nothing captured to send."""
    names: Names = {}
    with server.connect() as connection:
        connection.raw(
            b"".join(s.text.fill({}) for s in transcript.steps if s.kind == "send")
        )
        for step in transcript.steps:
            if step.kind == "expect":
                line = connection.line()
                if not step.text.match(line, names):
                    raise TranscriptError(
                        f"{transcript.name}:{step.number}: {step.source}\n"
                        f"    pipelined it said {line!r}"
                    )
        connection.sock.shutdown(socket.SHUT_WR)
        rest = connection.rest()
        if rest:
            raise TranscriptError(f"{transcript.name}: after the end {rest!r}")


def can_be_pipelined(transcript: Transcript) -> bool:
    """See run_pipelined."""
    return len(transcript.connections) == 1 and all(
        step.kind in ("expect", "less") or (step.kind == "send" and step.text.is_constant)
        for step in transcript.steps
    )


def longest_turn(transcript: Transcript) -> int:
    """The bytes of the longest turn of sends."""
    return max(
        sum(len(p) if isinstance(p, bytes) else 20 for s in turn for p in s.text.pieces)
        for turn in transcript.turns()
    )
