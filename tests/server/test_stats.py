"""`stats`: its form, its sums, and that every removal is counted once."""

import re

import pytest

from harness.process import Server
from harness.timing import wait_until
from harness.wire import Conversation

# What exporters and dashboards read: names and, in effect, types.
GENERAL = """pid uptime time version libevent pointer_size rusage_user rusage_system
    max_connections curr_connections total_connections rejected_connections cmd_get
    cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses get_expired get_flushed
    delete_misses delete_hits incr_misses incr_hits decr_misses decr_hits cas_misses
    cas_hits cas_badval touch_hits touch_misses store_too_large store_no_memory
    auth_cmds auth_errors bytes_read bytes_written limit_maxbytes accepting_conns
    listen_disabled_num threads conn_yields hash_power_level hash_bytes
    hash_is_expanding bytes curr_items total_items expired_unfetched
    evicted_unfetched evicted_active evictions reclaimed crawler_reclaimed
    crawler_items_checked""".split()

OWN = """tagcached_version tags tag_links invalidations stale_stores_refused dead_bytes
    inserted removed_deleted removed_expired removed_flushed removed_invalidated
    removed_evicted""".split()


def books_balance(stats: dict[str, str]) -> bool:
    """curr_items = inserted - removed by each cause."""
    removed = sum(int(v) for k, v in stats.items() if k.startswith("removed_"))
    return int(stats["curr_items"]) == int(stats["inserted"]) - removed


def test_fields(server: Server) -> None:
    """All that clients read is there, and is a number."""
    stats = server.stats()
    assert not set(GENERAL + OWN) - stats.keys()
    assert int(stats["pid"]) == server.pid
    assert re.fullmatch(r"1\.\d+\.\d+", stats["version"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", stats["tagcached_version"])
    for name in ("rusage_user", "rusage_system"):
        assert re.fullmatch(r"\d+\.\d{6}", stats[name])
    words = {"version", "libevent", "tagcached_version"}
    for name in (GENERAL + OWN):
        if name not in words and not name.startswith("rusage"):
            assert re.fullmatch(r"\d+", stats[name]), name
    assert stats["limit_maxbytes"] == str(64 << 20)
    assert stats["curr_items"] == stats["total_items"] == "0"


def test_settings_have_values(client: Conversation) -> None:
    """The exporter fails on a settings line without one."""
    settings = client.stats("settings")
    assert all(value != "" for value in settings.values())
    for name in ("maxbytes", "maxconns", "tcpport", "evictions", "item_size_max"):
        assert name in settings


def test_counters_add_up(client: Conversation) -> None:
    """Each command counts where memcached counts it."""
    for line in ("set a 0 0 1", "set b 0 0 1", "set n 0 0 1"):
        assert client.ask(line, "5") == b"STORED"
    client.ask("set gone 0 -1 1", "5")
    client.send("get a b none gone", "gets a")
    client.until(), client.until()
    client.ask("incr n 1"), client.ask("incr none 1"), client.ask("incr none 1")
    client.ask("decr n 1"), client.ask("decr n 1"), client.ask("decr none 1")
    client.ask("delete b"), client.ask("delete none"), client.ask("delete none")
    client.ask("touch a 0"), client.ask("touch none 0")
    client.ask("cas a 0 0 1 0", "x"), client.ask("cas none 0 0 1 5", "x")
    client.send("gets a")
    unique = client.line().split()[-1].decode()
    client.until()
    assert client.ask(f"cas a 0 0 1 {unique}", "x") == b"STORED"
    client.send("gat 0 a none")
    client.until()
    stats = client.stats()
    expected = {
        "get_hits": 4, "get_misses": 2, "cmd_get": 6,
        "incr_hits": 1, "incr_misses": 2, "decr_hits": 2, "decr_misses": 1,
        "delete_hits": 1, "delete_misses": 2, "cas_misses": 1, "cas_hits": 1,
        "cas_badval": 1, "touch_hits": 2, "touch_misses": 2, "cmd_touch": 4,
    }  # fmt: skip
    assert {name: int(stats[name]) for name in expected} == expected
    assert books_balance(stats)
    assert int(stats["get_hits"]) + int(stats["get_misses"]) == int(stats["cmd_get"])


def test_reset(client: Conversation) -> None:
    """Counters start again; gauges stay."""
    client.set("a", "1")
    client.get("a"), client.get("none")
    before = client.stats()
    assert client.ask("stats reset") == b"RESET"
    after = client.stats()
    for name in ("cmd_get", "cmd_set", "get_hits", "get_misses", "total_items"):
        assert int(before[name]) > 0
        assert after[name] == "0", name
    for name in ("curr_items", "curr_connections", "limit_maxbytes", "bytes"):
        assert after[name] == before[name], name
    assert client.get("a") == b"1"


def test_traffic(server: Server) -> None:
    """bytes_read and bytes_written are what went over the wire."""
    with server.connect() as client:
        before = client.stats()
        client.send("stats")
        size = len(b"\r\n".join(client.until())) + len(b"\r\nEND\r\n")
        client.set("k", b"x" * 100_000)
        assert client.get("k") == b"x" * 100_000
        after = client.stats()
    read = int(after["bytes_read"]) - int(before["bytes_read"])
    written = int(after["bytes_written"]) - int(before["bytes_written"])
    assert 100_000 < read < 100_200
    assert 100_000 + size < written + 10 < 100_000 + 2 * size + 300


CAUSES = {
    "removed_deleted": lambda c: c.ask("delete a"),
    "removed_flushed": lambda c: c.ask("flush_all"),
    "removed_invalidated": lambda c: c.ask("invalidate t"),
    "removed_expired": lambda c: c.ask("touch a -1"),
}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("read", [True, False], ids=["read", "swept"])
def test_each_removal_has_its_cause(
    client: Conversation, cause: str, read: bool
) -> None:
    """Once, whether a read meets what is dead or the sweep."""
    empty = client.stats()
    assert client.ask("ms a 1000 Gt", b"x" * 1000) == b"HD"
    CAUSES[cause](client)
    if read:
        assert client.get("a") is None

    def swept() -> dict[str, str] | None:
        stats = client.stats()
        return stats if stats["curr_items"] == "0" else None

    stats = wait_until(swept, "it is swept", timeout_s=60)
    removed = {name: int(stats[name]) for name in stats if name.startswith("removed_")}
    assert {name for name, count in removed.items() if count} == {cause}
    assert removed[cause] == 1
    assert books_balance(stats)
    assert stats["tag_links"] == "0"
    assert stats["dead_bytes"] == "0"
    assert int(stats["bytes"]) <= int(empty["bytes"]) + 1000


def test_tag_figures(client: Conversation) -> None:
    """tags, tag_links, invalidations (of tags) and refused stores."""
    clock = client.clock()
    client.ask("ms a 1 Gx,y", "1"), client.ask("ms b 1 Gx", "1")
    stats = client.stats()
    assert (stats["tags"], stats["tag_links"]) == ("2", "3")
    assert client.ask("invalidate x z") == b"INVALIDATED 2"
    assert client.ask(f"ms c 1 Gx A{clock}", "1") == b"NS"
    stats = client.stats()
    assert stats["invalidations"] == "2"
    assert stats["stale_stores_refused"] == "1"
