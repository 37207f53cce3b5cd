"""Every transcript, over real sockets: whole, pipelined, and cut in pieces."""

from collections.abc import Callable

import pytest

from harness.process import Server
from harness.replay import (
    Replay,
    can_be_pipelined,
    cut_at,
    longest_turn,
    run_pipelined,
    single_bytes,
)
from harness.timing import sanitizer, wait_until
from harness.transcript import Transcript, TranscriptError, load_all, parse

ALL = load_all()
SHORT = 400  # bytes of the longest turn that is cut everywhere


def names(transcript: Transcript) -> str:
    """How pytest calls it."""
    return transcript.name.removesuffix(".txt")


def fresh(server: Server, transcript: Transcript) -> None:
    """Empties the server between two replays, so that no count of one sees
    what the other left."""
    with server.connect() as client:
        assert client.ask("flush_all") == b"OK", transcript.name
        wait_until(lambda: client.stats()["curr_items"] == "0", "all is swept")


@pytest.mark.parametrize("transcript", ALL, ids=names)
def test_whole(start: Callable[..., Server], transcript: Transcript) -> None:
    """Each turn is sent at once, over TCP."""
    Replay(transcript, start(*transcript.server)).run()


@pytest.mark.parametrize(
    "transcript", [t for t in ALL if can_be_pipelined(t)], ids=names
)
def test_pipelined(start: Callable[..., Server], transcript: Transcript) -> None:
    """All turns are sent at once."""
    run_pipelined(transcript, start(*transcript.server))


@pytest.mark.parametrize("transcript", ALL, ids=names)
def test_byte_by_byte(start: Callable[..., Server], transcript: Transcript) -> None:
    """The server reads one byte at a time; long turns in one piece."""
    server = start(*transcript.server, unix=True)

    def cut(data: bytes):
        return single_bytes(data) if len(data) <= 10 * SHORT else iter((data,))

    Replay(transcript, server, cut).run()


@pytest.mark.parametrize(
    "transcript", [t for t in ALL if "-F" not in t.server], ids=names
)
def test_cut_at_every_position(
    start: Callable[..., Server], transcript: Transcript
) -> None:
    """Each turn arrives in two parts; of long turns the first bytes are cut.
    Under a sanitizer every third position must do."""
    server = start(*transcript.server, unix=True)
    step = 1 if sanitizer() is None else 3
    for position in range(1, min(longest_turn(transcript), SHORT), step):
        fresh(server, transcript)
        try:
            Replay(transcript, server, cut_at(position)).run()
        except TranscriptError as error:
            raise TranscriptError(f"cut at {position}: {error}") from None


@pytest.mark.parametrize(
    "content",
    [
        "> get a\n< END x\n",
        "> get a\n",
        "> get a\n< END\n< END\n",
        "> get a\n! closed\n",
        "> version\n< VERSION $a.$_.$_\n> version\n< VERSION $_.$a.$*\n",
        "> version\n< VERSION $a.$b.$*\n! less b a\n",
    ],
)
def test_a_difference_is_seen(server: Server, content: str) -> None:
    """The replayer can fail."""
    transcript = parse("difference", content)
    for conversation_timeout in (0.3,):
        connect = server.connect

        def quick():
            conversation = connect()
            conversation.sock.settimeout(conversation_timeout)
            return conversation

        server.connect = quick  # type: ignore[method-assign]
        with pytest.raises((TranscriptError, TimeoutError)):
            Replay(transcript, server).run()
        server.connect = connect  # type: ignore[method-assign]


@pytest.mark.parametrize("content", ["", "# nothing\n", "hello\n", "> \\q\n", "! what\n"])
def test_what_is_not_a_transcript(content: str) -> None:
    """Bad lines are refused, not skipped."""
    with pytest.raises(TranscriptError):
        parse("bad", content)
