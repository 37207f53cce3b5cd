"""Tags with a stock Django cache: a few lines on a pymemcache client.

The values stay readable for `cache.get`: same keys, same serializer. Commands
go over `raw_command`, which is right for replies of one short line only, so
none of these asks for a value.
"""

import functools

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from pymemcache.client.base import PooledClient
from pymemcache.serde import pickle_serde


@functools.cache
def client(location: str) -> PooledClient:
    """One pool of connections, whoever asks."""
    return PooledClient(location, connect_timeout=5, timeout=60)


def command(line: str, data: bytes | None = None) -> str:
    """Sends one line, perhaps with data, and returns the line of the reply."""
    location = settings.CACHES["default"]["LOCATION"]
    raw = line.encode() if data is None else line.encode() + b"\r\n" + data
    reply = client(location).raw_command(raw).decode()
    if reply.startswith(("ERROR", "CLIENT_ERROR", "SERVER_ERROR")):
        raise RuntimeError(f"{line}: {reply}")
    return reply


def clock() -> str:
    """The server's clock, to be taken before the database is read."""
    return command("mg _ a").removeprefix("EN a")


def tagged_set(
    key: str, value: object, tags: list[str], clock: str | None = None,
    timeout: int = DEFAULT_TIMEOUT,
) -> bool:  # fmt: skip
    """`cache.set` with tags; False if the data has become stale meanwhile."""
    full_key = cache.make_and_validate_key(key)
    data, flags = pickle_serde.serialize(full_key, value)
    if isinstance(data, str):
        data = data.encode()
    words = [f"ms {full_key} {len(data)}", f"F{flags}", f"G{','.join(tags)}"]
    words.append(f"T{cache.get_backend_timeout(timeout)}")
    if clock is not None:
        words.append(f"A{clock}")
    return command(" ".join(words), data) == "HD"


def tag(full_key: str, tags: list[str], clock: str) -> bool:
    """Adds tags to an entry that somebody else stored, by appending nothing.
    An entry whose data has become stale since `clock` is deleted."""
    if command(f"ms {full_key} 0 MA G{','.join(tags)} A{clock}", b"") == "HD":
        return True
    command(f"md {full_key}")
    return False


def invalidate(*tags: str) -> int:
    """One command, whatever the number of entries; returns how many links."""
    return int(command(f"invalidate {' '.join(tags)}").removeprefix("INVALIDATED "))
