"""Holds the house: layers, doors, sizes, and the looks of the text.

    python3 tests/lint/lint.py --root .

Prints `file:line: message` for each finding; exit code 1 if there was one.
What a rule is for stands in doc/ARCHITECTURE.md. Python's standard library is
all it needs; `make lint` calls it with the compiler of the build.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import rules


@dataclass(frozen=True, order=True)
class Finding:
    """Something that should not be."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


Findings = Iterator[Finding]
INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


@dataclass(frozen=True)
class Source:
    """A file, and where it stands in the house."""

    path: str  # from the root
    lines: list[str]

    @property
    def room(self) -> str | None:
        """src/<room>/..., or None for what is no part of the program."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def is_header(self) -> bool:
        """A .h; tables (.def) are none."""
        return self.path.endswith(".h")

    def includes(self) -> Iterator[tuple[int, bool, str]]:
        """Line number, in angle brackets or not, and the name."""
        for number, line in enumerate(self.lines, 1):
            if match := INCLUDE.match(line):
                yield number, match[1] == "<", match[2]


def read_tree(root: Path) -> list[Source]:
    """All files that are looked at."""
    sources = []
    for folder, endings in rules.TREES.items():
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix in endings and not rules.SKIPPED.search(name):
                sources.append(Source(name, path.read_text().split("\n")))
    return sources


# ---- layers ------------------------------------------------------------------
def layer_of_header(name: str) -> str | None:
    """The layer of a name as it is included ("tagcached/span.h")."""
    return rules.HEADERS.get(name.removeprefix("tagcached/"))


def check_table(sources: list[Source]) -> Findings:
    """Each shared header has a row in rules.HEADERS, each row a header."""
    prefix = "include/tagcached/"
    there = {s.path.removeprefix(prefix) for s in sources if s.path.startswith(prefix)}
    for name in sorted(there - rules.HEADERS.keys()):
        yield Finding(prefix + name, 1, "has no layer: add it to tests/lint/rules.py")
    for name in sorted(rules.HEADERS.keys() - there):
        yield Finding("tests/lint/rules.py", 1, f"{prefix + name} does not exist")


def check_layers(source: Source) -> Findings:
    """What a file includes stands beneath it, and behind no other's door."""
    layer = source.room
    if source.path.startswith("include/"):
        layer = rules.HEADERS.get(source.path.removeprefix("include/tagcached/"))
    if layer is None:
        return
    beneath = rules.BENEATH.get(layer)
    if beneath is None:
        yield Finding(source.path, 1, f"'{layer}' is no room of the house")
        return
    for number, angled, name in source.includes():
        door = next((d for d in rules.DOORS if name.startswith(d)), None)
        if door and not source.path.startswith(rules.DOORS[door]):
            where = " and ".join(rules.DOORS[door])
            yield Finding(source.path, number, f"<{name}> belongs into {where} only")
        elif name.startswith("tagcached/"):
            other = layer_of_header(name)
            if other is not None and other not in beneath:
                yield Finding(source.path, number, f"{layer} must not know {other}")
        elif not angled and "/" in name and not name.startswith(f"{layer}/"):
            yield Finding(source.path, number, f'"{name}" is private to its room')


def check_own_header_first(source: Source, there: set[str]) -> Findings:
    """foo.c includes foo.h before all others, so foo.h stands on its own."""
    if source.room is None or not source.path.endswith(".c"):
        return
    own = Path(source.path).stem + ".h"
    names = []
    if source.path.removesuffix(".c") + ".h" in there:
        names = [own, f"{source.room}/{own}"]
    if rules.HEADERS.get(own) == source.room:
        names.append(f"tagcached/{own}")
    line, _, first = next(source.includes(), (1, False, ""))
    if names and first not in names:
        yield Finding(source.path, line, f'"{names[-1]}" must be included first')


def check_locks(source: Source) -> Findings:
    """Locks live in the store; each exception has its reason."""
    if source.room in (None, "store") or source.path in rules.LOCKS_ALLOWED:
        return
    for number, line in enumerate(source.lines, 1):
        if match := rules.LOCK.search(line):
            yield Finding(source.path, number, f"{match[0]}: locks live in src/store")


# ---- sizes -------------------------------------------------------------------
def functions(source: Source) -> Iterator[tuple[int, str, int]]:
    """Line, name and lines of each function: `{` and `}` in column one."""
    start = 0
    for number, line in enumerate(source.lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = start - 1
            while head > 1 and not re.match(r"\w+\(", source.lines[head - 1]):
                head -= 1
            yield head, source.lines[head - 1].split("(")[0], number - start + 1
            start = 0


def check_sizes(source: Source) -> Findings:
    """Nothing grows beyond what a reader holds in the head."""
    if not source.path.startswith(rules.CAPPED):
        return
    cap = rules.HEADER_LINES if source.is_header else rules.FILE_LINES
    cap = rules.LARGER.get(source.path, cap)
    if len(source.lines) - 1 > cap:
        message = f"{len(source.lines) - 1} lines, the cap is {cap}"
        yield Finding(source.path, cap, message)
    for line, name, size in functions(source):
        if size > rules.FUNCTION_LINES:
            message = f"{name} has {size} lines, the cap is {rules.FUNCTION_LINES}"
            yield Finding(source.path, line, message)


def check_text(source: Source) -> Findings:
    """Columns, blanks, and what was left for later."""
    width = rules.COLUMNS.get(Path(source.path).suffix)
    for number, line in enumerate(source.lines, 1):
        if width and len(line) > width:
            message = f"{len(line)} columns, the cap is {width}"
            yield Finding(source.path, number, message)
        if "\t" in line:
            yield Finding(source.path, number, "a tab")
        if line != line.rstrip():
            yield Finding(source.path, number, "blanks at the end of the line")
        if match := rules.LATER.search(line):
            yield Finding(source.path, number, f"{match[0]}: do it, or leave it")
    if source.lines[-1] != "":
        yield Finding(source.path, len(source.lines), "no line end at the end")


# ---- headers alone -----------------------------------------------------------
def check_header_alone(source: Source, root: Path, compiler: list[str]) -> Findings:
    """A header compiles by itself, whatever was included before it."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as unit:
        unit.write(f'#include "{(root / source.path).resolve()}"\n')
        unit.flush()
        search = [f"-I{root / 'include'}", f"-I{root / 'src'}"]
        ended = subprocess.run(
            [*compiler, "-std=gnu17", "-fsyntax-only", *search, unit.name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if ended.returncode != 0:
        errors = [l for l in ended.stderr.splitlines() if "error:" in l]
        first = errors[0].split("error:")[1].strip() if errors else ended.stderr
        yield Finding(source.path, 1, f"does not compile alone: {first}")


def lint(root: Path, compiler: list[str]) -> list[Finding]:
    """All findings, in order."""
    sources = read_tree(root)
    there = {source.path for source in sources}
    found = list(check_table(sources))
    for source in sources:
        found += check_layers(source)
        found += check_own_header_first(source, there)
        found += check_locks(source)
        found += check_sizes(source)
        found += check_text(source)
        if source.is_header and source.path.startswith(("src/", "include/")):
            found += check_header_alone(source, root, compiler)
    return sorted(found)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--cc", default="cc", help="compiler and its switches")
    arguments = parser.parse_args()
    found = lint(arguments.root, shlex.split(arguments.cc))
    for finding in found:
        print(finding)
    count = len(read_tree(arguments.root))
    print(f"lint: {count} files, findings: {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
