"""Other projects' own tests, from their source distributions.

They are fetched by pip once and kept, unpacked, in .cache/ of the checkout:
the same versions that tests/requirements.txt pins.
"""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

from .timing import ROOT

CACHE = ROOT / ".cache" / "sdist"


def pinned(project: str) -> str:
    """The version of a project in tests/requirements.txt."""
    requirements = (ROOT / "tests/requirements.txt").read_text()
    found = re.search(rf"^{project}==(\S+)$", requirements, re.MULTILINE | re.IGNORECASE)
    assert found, f"{project} is not pinned"
    return found[1]


def source(project: str) -> Path:
    """The unpacked source distribution of a project."""
    version = pinned(project)
    place = CACHE / f"{project}-{version}"
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE.parent / ".gitignore").write_text("*\n")
        archive = download(project, version)
        with tarfile.open(archive) as tar:
            # What Python 3.14 does by itself, and Debian 12's has no word for.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(CACHE / "unpacked")
        (CACHE / "unpacked" / archive.name.removesuffix(".tar.gz")).rename(place)
    return place


def download(project: str, version: str) -> Path:
    """The archive, by pip, which checks its hash."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
    command += ["--no-binary", project, "-d", str(CACHE), f"{project}=={version}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"pip could not get {project}:\n{ended.stderr}"
    (archive,) = CACHE.glob(f"{project}-{version}.tar.gz")
    return archive


def run(*command: str, where: Path, env: dict[str, str], timeout_s: float) -> str:
    """Runs a test suite to its end and returns what it said."""
    ended = subprocess.run(
        command,
        cwd=where,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-10_000:]
    return ended.stdout
