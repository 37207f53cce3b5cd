"""The everyday operations of pymemcache's clients."""

from collections.abc import Iterator

import pytest
from pymemcache import serde
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.exceptions import MemcacheClientError

from harness.process import Server
from harness.timing import scale

OPTIONS = {
    "serde": serde.pickle_serde,
    "connect_timeout": 10,
    "no_delay": True,
    "default_noreply": False,
}


@pytest.fixture(params=[Client, PooledClient, HashClient])
def cache(server: Server, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Each kind of client."""
    where = ("127.0.0.1", server.port)
    options = OPTIONS | {"timeout": 20 * scale()}
    if request.param is HashClient:
        client = HashClient([where], use_pooling=True, **options)
    else:
        client = request.param(where, **options)
    yield client
    client.close()


VALUES = [0, -1, 2**70, 1.5, "", "text", "Ünïcödé", b"", b"\x00\r\n\xff", [1, {"a": None}],
    "x" * 900_000]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
def test_round_trip(cache: Client, value: object) -> None:
    """What goes in comes out, with its type."""
    assert cache.set("key", value)
    found = cache.get("key")
    assert found == value
    assert type(found) is type(value)


def test_storing(cache: Client) -> None:
    """set, add, replace, append, prepend."""
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
    assert cache.replace("key", b"no") is False
    assert cache.append("key", b"no") is False
    assert cache.add("key", b"b") is True
    assert cache.add("key", b"no") is False
    assert cache.append("key", b"c") is True
    assert cache.prepend("key", b"a") is True
    assert cache.get("key") == b"abc"
    assert cache.replace("key", b"new") is True
    assert cache.get("key") == b"new"


def test_many(cache: Client) -> None:
    """set_many, get_many, delete_many."""
    values = {f"key{number}": number for number in range(200)}
    assert cache.set_many(values) == []
    assert cache.get_many([*values, "none"]) == values
    assert cache.delete_many(["key0", "none"]) is True
    assert set(cache.get_many(values)) == values.keys() - {"key0"}


def test_cas(cache: Client) -> None:
    """gets and cas."""
    assert cache.cas("key", b"x", b"1") is None
    cache.set("key", b"one")
    value, unique = cache.gets("key")
    assert value == b"one"
    assert cache.cas("key", b"two", unique) is True
    assert cache.cas("key", b"three", unique) is False
    assert cache.get("key") == b"two"
    assert cache.gets_many(["key", "none"]).keys() == {"key"}


def test_numbers(cache: Client) -> None:
    """incr, decr."""
    assert cache.incr("n", 1) is None
    assert cache.decr("n", 1) is None
    cache.set("n", 10)
    assert cache.incr("n", 5) == 15
    assert cache.decr("n", 100) == 0
    cache.set("n", b"text")
    with pytest.raises(MemcacheClientError):
        cache.incr("n", 1)


def test_delete_and_touch(cache: Client) -> None:
    """delete, touch."""
    assert cache.delete("key") is False
    assert cache.touch("key", 10) is False
    cache.set("key", b"x")
    assert cache.touch("key", 10) is True
    assert cache.touch("key", -1) is True
    assert cache.get("key") is None
    cache.set("key", b"x")
    assert cache.delete("key") is True
    assert cache.get("key") is None


def test_noreply(cache: Client) -> None:
    """Commands without a reply are done before the next one with."""
    for number in range(100):
        cache.set("key", number, noreply=True)
        assert cache.get("key") == number
    cache.delete("key", noreply=True)
    assert cache.get("key") is None
    cache.set("n", 1)
    cache.incr("n", 1, noreply=True)
    assert cache.get("n") == 2
    cache.flush_all(noreply=True)
    assert cache.get("n") is None


def test_flush_and_quit(cache: Client) -> None:
    """flush_all; after quit a client connects again by itself."""
    cache.set("key", b"x")
    cache.flush_all()
    assert cache.get("key") is None
    cache.set("key", b"x")
    cache.quit()
    assert cache.get("key") == b"x"


def test_tags_through_raw_command(server: Server) -> None:
    """Replies of one line are safe through raw_command."""
    cache = PooledClient(("127.0.0.1", server.port), timeout=20 * scale())
    assert cache.raw_command("ms key 5 Gt1,t2\r\nhello") == b"HD"
    assert cache.get("key") == b"hello"
    assert cache.raw_command("invalidate t2") == b"INVALIDATED 1"
    assert cache.get("key") is None
    cache.close()
