"""Fixtures for every live suite."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .process import Server
from .timing import binary, scale
from .wire import Conversation


def pytest_configure(config: pytest.Config) -> None:
    """Without a binary nothing here can be tested: say so once."""
    if not binary().exists():
        raise pytest.UsageError(
            f"no server at {binary()}: build it, or set TAGCACHED_BINARY"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A slow build gets more time."""
    if scale() == 1:
        return
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = marker.args[0] if marker else 300
        item.add_marker(pytest.mark.timeout(seconds * scale()), append=False)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers; each is stopped, and its end checked, after the test."""
    with ExitStack() as stack:
        started = 0

        def start_one(*words: str, **how: bool) -> Server:
            nonlocal started
            started += 1
            place = tmp_path / f"server{started}"
            return stack.enter_context(Server(place, *words, **how))

        yield start_one


@pytest.fixture
def server(start: Callable[..., Server], request: pytest.FixtureRequest) -> Server:
    """A server of the test's own; @pytest.mark.options adds its words."""
    marker = request.node.get_closest_marker("options")
    return start(*(marker.args if marker else ()))


@pytest.fixture
def client(server: Server) -> Iterator[Conversation]:
    """A connection to `server`."""
    with server.connect() as conversation:
        yield conversation
