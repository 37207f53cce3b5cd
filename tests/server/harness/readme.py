"""What README.md shows, taken literally.

A fenced block is replayed where the line before it says so:

    <!-- replayed: nc -->
    ```console
    $ nc -C 127.0.0.1 11211
    set greeting 0 60 5
    hello
    STORED
    ```

It reads as a terminal looks. What is typed is known by itself: the line after
a complete reply is a command, and after the first line of a storage command
comes its data. Numbers of twelve and more digits are clocks: each stands for
whatever number is there, the same number for the same one.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from .timing import ROOT

STORES = {"set", "add", "replace", "append", "prepend", "cas", "ms"}
CLOCK = re.compile(r"\d{12,}")
README = ROOT / "README.md"


class ReadmeError(AssertionError):
    """The README does not tell the truth."""


def blocks(text: str, kind: str) -> list[str]:
    """The contents of all blocks marked `<!-- replayed: KIND -->`."""
    pattern = rf"^<!-- replayed: {re.escape(kind)} -->\n+```\w*\n(.*?)^```$"
    found = re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ReadmeError(f"no block is marked '<!-- replayed: {kind} -->'")
    return found


@dataclass
class Exchange:
    """What is typed, and what is then shown."""

    typed: list[str]
    shown: list[str]


@dataclass
class Session:
    """A whole nc block."""

    command: list[str]
    lines: list[str]

    @property
    def line_end(self) -> str:
        """nc sends LF, with -C CR LF."""
        return "\r\n" if "-C" in self.command else "\n"


def session(block: str) -> Session:
    """Reads an nc block."""
    first, *lines = block.splitlines()
    if not first.startswith("$ nc "):
        raise ReadmeError(f"an nc block starts with '$ nc ...', not {first!r}")
    return Session(shlex.split(first[2:]), lines)


def replay(lines: list[str], say) -> None:
    """Types what is typed; `say(typed)` returns the lines of the reply, or
    None when the connection was closed."""
    names: dict[str, str] = {}
    rest = iter(lines)
    for line in rest:
        typed = [line]
        if line.split(" ")[0] in STORES:
            typed.append(next(rest, ""))
        unknown = set(CLOCK.findall(" ".join(typed))) - names.keys()
        if unknown:
            raise ReadmeError(f"{line!r}: no reply has shown {unknown} before")
        typed = [CLOCK.sub(lambda m: names[m[0]], word) for word in typed]
        reply = say(typed)
        if reply is None:
            if line != "quit":
                raise ReadmeError(f"{line!r}: the connection was closed")
            continue
        for said in reply:
            shown = next(rest, None)
            if shown is None or not same(shown, said, names):
                raise ReadmeError(f"{line!r}: README shows {shown!r}, not {said!r}")


def same(shown: str, said: str, names: dict[str, str]) -> bool:
    """Equal but for clocks; a clock that is new is remembered."""
    new = CLOCK.findall(said)
    old = CLOCK.findall(shown)
    if CLOCK.sub("#", shown) != CLOCK.sub("#", said) or len(old) != len(new):
        return False
    for name, number in zip(old, new, strict=True):
        if names.setdefault(name, number) != number:
            return False
    return len(set(names.values())) == len(names)


def at_port(command: list[str], port: int) -> Iterator[str]:
    """The command with the server's port in place of 11211."""
    for word in command:
        yield str(port) if word == "11211" else word
