"""Transcripts: the format is described in tests/transcripts/README.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TRANSCRIPTS = Path(__file__).resolve().parents[2] / "transcripts"

_TOKEN = re.compile(
    rb"\\x(?P<hex>[0-9a-f]{2})"
    rb"|\\\((?P<count>\d+)\*(?P<char>.)\)"
    rb"|\\(?P<escape>[rnt\\$])"
    rb"|\$(?P<wild>[_*])"
    rb"|\$(?P<name>[a-z][a-z0-9]*)"
    rb"|(?P<plain>[^\\$]+)",
    re.DOTALL,
)
_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\", b"$": b"$"}
_NUMBER = rb"-?[0-9]+"

Names = dict[str, bytes]


class TranscriptError(AssertionError):
    """Not in the format, or not what the server said."""


@dataclass(frozen=True)
class Text:
    """The text of a line: pieces that are bytes, or names and wildcards."""

    pieces: tuple[bytes | str, ...]

    def fill(self, names: Names) -> bytes:
        """As bytes to send."""
        return b"".join(p if isinstance(p, bytes) else names[p] for p in self.pieces)

    def match(self, line: bytes, names: Names) -> bool:
        """Is this the line? Keeps the numbers whose names are new."""
        pattern, groups = b"", {}
        for piece in self.pieces:
            if isinstance(piece, bytes):
                pattern += re.escape(piece)
            elif piece == "_":
                pattern += _NUMBER
            elif piece == "*":
                pattern += b".*"
            elif piece in names:
                pattern += re.escape(names[piece])
            elif piece in groups:
                pattern += b"(?P=%s)" % piece.encode()
            else:
                groups[piece] = True
                pattern += b"(?P<%s>%s)" % (piece.encode(), _NUMBER)
        found = re.fullmatch(pattern, line, re.DOTALL)
        if found:
            names.update(found.groupdict())
        return found is not None

    @property
    def is_constant(self) -> bool:
        """True without names and wildcards."""
        return all(isinstance(piece, bytes) for piece in self.pieces)


@dataclass(frozen=True)
class Step:
    """One line of a transcript. `kind` is send, expect, closed, close, less."""

    number: int
    source: str
    kind: str
    connection: str = "main"
    text: Text = Text(())
    words: tuple[str, ...] = ()


@dataclass
class Transcript:
    """A file: its steps in order, and the server it wants."""

    name: str
    server: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)

    @property
    def connections(self) -> set[str]:
        """The names of its connections."""
        return {step.connection for step in self.steps}

    def turns(self) -> Iterator[list[Step]]:
        """Steps grouped so that the sends of a turn go out together."""
        turn: list[Step] = []
        for step in self.steps:
            if turn and not (
                step.kind == turn[-1].kind == "send"
                and step.connection == turn[-1].connection
            ):
                yield turn
                turn = []
            turn.append(step)
        if turn:
            yield turn


def parse_text(source: str) -> Text:
    """Reads the text of one line."""
    pieces: list[bytes | str] = []
    data, at = source.encode(), 0
    while at < len(data):
        token = _TOKEN.match(data, at)
        if not token:
            raise TranscriptError(f"bad escape at {source[at:]!r}")
        at = token.end()
        if token["hex"]:
            pieces.append(bytes([int(token["hex"], 16)]))
        elif token["count"]:
            pieces.append(token["char"] * int(token["count"]))
        elif token["escape"]:
            pieces.append(_ESCAPES[token["escape"]])
        elif token["plain"]:
            pieces.append(token["plain"])
        else:
            pieces.append((token["wild"] or token["name"]).decode())
    return Text(tuple(pieces))


def parse(name: str, content: str) -> Transcript:
    """Reads a transcript."""
    transcript, connection = Transcript(name), "main"
    for number, source in enumerate(content.splitlines(), 1):
        mark, _, rest = source.partition(" ")
        words = tuple(rest.split())
        try:
            if source == "" or mark.startswith("#"):
                continue
            if mark == "@" and len(words) == 1:
                connection = words[0]
            elif mark == "!" and words[:1] == ("server",) and not transcript.steps:
                transcript.server = words[1:]
            elif mark in (">", ">>", "<"):
                text = parse_text(rest)
                if mark == ">":
                    text = Text((*text.pieces, b"\r\n"))
                kind = "expect" if mark == "<" else "send"
                transcript.steps.append(Step(number, source, kind, connection, text))
            elif mark == "!" and (words in (("closed",), ("close",)) or
                                  (words[:1] == ("less",) and len(words) == 3)):
                transcript.steps.append(
                    Step(number, source, words[0], connection, words=words[1:])
                )
            else:
                raise TranscriptError("not a line of a transcript")
        except TranscriptError as error:
            raise TranscriptError(f"{name}:{number}: {source}: {error}") from None
    if not transcript.steps:
        raise TranscriptError(f"{name}: says nothing")
    return transcript


def load_all() -> list[Transcript]:
    """All transcripts there are."""
    return [
        parse(path.name, path.read_text()) for path in sorted(TRANSCRIPTS.glob("*.txt"))
    ]
