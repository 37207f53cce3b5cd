"""The README's nc session, replayed literally: over a socket, and by nc."""

import shutil
import subprocess

import pytest

from harness import readme
from harness.process import Server

# A command whose reply is known and can be no other's: what came before it is
# the reply to what was typed.
FENCE, FENCED = "mg no-such-key Oend-of-reply", "EN Oend-of-reply"

SAMPLE = """
<!-- replayed: nc -->
```console
$ nc -C 127.0.0.1 11211
ms doctor_stats:42 5 T3600 Gdoctor:42
hello
HD
mg doctor_stats:42 v g a
VA 5 gdoctor:42 a281474976710663
hello
invalidate doctor:42
INVALIDATED 1
get doctor_stats:42
END
ms doctor_stats:42 5 Gdoctor:42 A281474976710663
hello
NS
mn
MN
mg doctor_stats:42 a
EN a281474976710664
quit
```
"""


def over_socket(server: Server, session: readme.Session) -> None:
    """Types into a socket."""
    with server.connect() as client:

        def say(typed: list[str]) -> list[str] | None:
            lines = [*typed, FENCE]
            client.raw("".join(line + session.line_end for line in lines).encode())
            try:
                return [line.decode() for line in client.until(FENCED.encode())]
            except EOFError:
                return None

        readme.replay(session.lines, say)


def by_nc(server: Server, session: readme.Session) -> None:
    """Types into the very command that the README shows."""
    process = subprocess.Popen(
        list(readme.at_port(session.command, server.port)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:

        def say(typed: list[str]) -> list[str] | None:
            process.stdin.write("".join(f"{line}\n" for line in [*typed, FENCE]).encode())
            process.stdin.flush()
            if typed == ["quit"]:
                process.stdin.close()  # nc waits for more, though nobody listens
            reply: list[str] = []
            for line in process.stdout:
                reply.append(line.decode().removesuffix("\r\n"))
                if reply[-1] == FENCED:
                    return reply[:-1]
            return None

        try:
            readme.replay(session.lines, say)
        finally:
            process.kill()


WAYS = [
    over_socket,
    pytest.param(
        by_nc,
        marks=pytest.mark.skipif(not shutil.which("nc"), reason="nc is not installed"),
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_nc_session(server: Server, way) -> None:
    """Each block of README.md."""
    for block in readme.blocks(readme.README.read_text(), "nc"):
        way(server, readme.session(block))


@pytest.mark.parametrize("way", WAYS)
def test_sample(server: Server, way) -> None:
    """The replayer replays."""
    (block,) = readme.blocks(SAMPLE, "nc")
    way(server, readme.session(block))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("INVALIDATED 1", "INVALIDATED 2"),
        ("\nNS\n", "\nHD\n"),
        ("VA 5 ", "VA 5  "),
        ("\nhello\nNS", "\nhello\nNS\nNS"),
        ("A281474976710663", "A281474976710664"),
        ("EN a281474976710664", "EN a281474976710663"),
        ("mn\nMN", "mn"),
    ],
)
def test_sample_that_lies(server: Server, right: str, wrong: str) -> None:
    """The replayer sees what is not so."""
    assert right in SAMPLE
    (block,) = readme.blocks(SAMPLE.replace(right, wrong), "nc")
    with pytest.raises(readme.ReadmeError):
        over_socket(server, readme.session(block))
