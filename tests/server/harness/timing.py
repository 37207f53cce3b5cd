"""How long things may take, and polling instead of sleeping.

A sanitizer makes the server many times slower, so every time-out here is
multiplied by `SCALE`, which comes from the binary under test.
"""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[3]


def binary() -> Path:
    """The server under test: TAGCACHED_BINARY, else build/tagcached."""
    return Path(os.environ.get("TAGCACHED_BINARY", ROOT / "build/tagcached"))


@functools.cache
def sanitizer() -> str | None:
    """'asan', 'tsan' or None: what the binary under test was built with."""
    content = binary().read_bytes()
    if b"__tsan_init" in content:
        return "tsan"
    if b"__asan_init" in content:
        return "asan"
    return None


@functools.cache
def scale() -> int:
    """The factor by which the binary under test may be slower."""
    return {None: 1, "asan": 4, "tsan": 8}[sanitizer()]


def wait_until(
    condition: Callable[[], T], what: str, timeout_s: float = 10, every_s: float = 0.01
) -> T:
    """Polls until `condition` is true and returns its value."""
    end = time.monotonic() + timeout_s * scale()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting until {what}")
        time.sleep(every_s)
