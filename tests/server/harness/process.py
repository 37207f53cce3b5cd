"""A server process of our own: started, spoken to, ended by its pid."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from . import proc
from .timing import binary, scale, wait_until
from .wire import Address, Conversation

SUPPRESSIONS = Path(__file__).resolve().parents[1] / "tsan.supp"
STOP_S = 5  # within this time a server must end after SIGTERM


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def user_arguments(words: tuple[str, ...]) -> list[str]:
    """As root the server wants to be told who to be."""
    if os.geteuid() != 0 or any(w.startswith(("-u", "--user")) for w in words):
        return []
    return ["-u", "root"]


def sanitizer_settings(place: Path) -> dict[str, str]:
    """Reports go to files in `place`, and change the exit code."""
    ours = f"log_path={place}/sanitizer:exitcode=66"
    found = {}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        given = os.environ.get(name)
        found[name] = f"{given}:{ours}" if given else ours
    found["TSAN_OPTIONS"] += f":suppressions={SUPPRESSIONS}"
    return found


def sanitizer_reports(place: Path) -> str:
    """What a sanitizer wrote there, or nothing."""
    return "\n".join(path.read_text() for path in sorted(place.glob("sanitizer.*")))


class Server:
    """A running server. `address` is what a client connects to."""

    def __init__(
        self, place: Path, *words: str, unix: bool = False, listen: bool = True
    ) -> None:
        """`unix`: on a socket in `place`; not `listen`: without -l."""
        self.place = place
        self.words = words
        self.unix = unix
        self._listen = listen
        self.address: Address
        self._process: subprocess.Popen[bytes]
        place.mkdir(parents=True, exist_ok=True)
        # Somebody else may take the free port before the server does.
        for attempt in range(5):
            self._launch()
            if self._accepts() or attempt == 4:
                break
        assert self._process.poll() is None, self._report("it did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    # ---- life ----------------------------------------------------------------
    def _launch(self) -> None:
        if "-s" in self.words:
            self.address, where = self.words[self.words.index("-s") + 1], []
        elif self.unix:
            self.address = str(self.place / "socket")
            where = ["-s", self.address]
        else:
            self.address = ("127.0.0.1", free_port())
            where = ["-l", self.address[0]] if self._listen else []
            where += ["-p", str(self.address[1])]
        command = [str(binary()), *where, *user_arguments(self.words), *self.words]
        with open(self.place / "stderr", "wb") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=os.environ | sanitizer_settings(self.place),
            )

    def _accepts(self) -> bool:
        """Waits for the first answer; False if the port was taken."""

        def answers() -> bool:
            if self._process.poll() is not None:
                return True
            if "-p" in self.words and not isinstance(self.address, str):
                ports = {port for _, port in proc.listening(self.pid)}
                self.address = ("127.0.0.1", max(ports, default=0))
            try:
                with self.connect() as client:
                    return client.ask("version").startswith(b"VERSION")
            except (OSError, EOFError):
                return False

        try:
            wait_until(answers, "it answers")
        except AssertionError:
            self.kill()
            raise AssertionError(self._report("it does not answer")) from None
        return self._process.poll() != 71  # 71: cannot listen

    @property
    def pid(self) -> int:
        """The process we started."""
        return self._process.pid

    def is_alive(self) -> bool:
        """False once it has ended, for whatever reason."""
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Waits for its end by itself; returns the exit code."""
        return self._process.wait(timeout_s * scale())

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ends it and checks how it ended: in time, 0, without a report."""
        if self.is_alive():
            self.send_signal(number)
        try:
            code = self.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                self._report(f"still running {STOP_S * scale()} s after a signal")
            ) from None
        assert code == 0, self._report(f"exit code {code}")
        assert not sanitizer_reports(self.place), self._report("sanitizer report")

    def kill(self) -> None:
        """Ends it at once; for the way out of a failed test."""
        self._process.kill()
        self._process.wait()

    def _report(self, what: str) -> str:
        return (
            f"server {' '.join(self.words)}: {what}\n{self.stderr()}"
            f"{sanitizer_reports(self.place)}"
        )

    def stderr(self) -> str:
        """What it has said so far."""
        return (self.place / "stderr").read_text(errors="replace")

    # ---- speaking --------------------------------------------------------------
    @property
    def port(self) -> int:
        """Its TCP port."""
        assert not isinstance(self.address, str)
        return self.address[1]

    def connect(self) -> Conversation:
        """A new connection."""
        return Conversation(self.address)

    def stats(self, *words: str) -> dict[str, str]:
        """`stats`, over a connection of its own."""
        with self.connect() as client:
            return client.stats(*words)


def run_to_end(*words: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Runs the binary with exactly these words until it ends by itself."""
    ended = subprocess.run(
        [str(binary()), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=place,
        timeout=10 * scale(),
        env=os.environ | sanitizer_settings(place),
        check=False,
    )
    assert not sanitizer_reports(place), sanitizer_reports(place)
    return ended
