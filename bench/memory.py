"""Items held at equal peak RSS.

memcached is filled beyond its limit; then tagcached is filled with the limit
at which its peak RSS comes out the same (found by trying), and what both hold
is counted by reading every key back.
"""
from servers import BenchError, Server, cache_arguments


class Mix:
    """A family of sizes, `value` as the load generator takes it."""

    def __init__(self, key, value, target):
        self.key = key
        self.value = value
        self.target = target

    def name(self):
        return f"key {self.key} + value {self.value.replace(':', '..')}"

    def payload(self):
        sizes = [int(size) for size in self.value.split(":")]
        return self.key + sum(sizes) / len(sizes)


MIXES = [
    Mix(24, "10", "1.40"),
    Mix(24, "100", "1.25"),
    Mix(40, "20:400", "1.20"),
    Mix(40, "100:4000", "1.13"),
]
TRIES = 5
READ_AT_ONCE = 100


class Held:
    """What a full server holds, and what it took for that."""

    def __init__(self, items, peak_rss, megabytes, refused, full):
        self.items = items
        self.peak_rss = peak_rss
        self.megabytes = megabytes
        self.refused = refused  # sets that got an error
        self.full = full


def keys_to_fill(mix, megabytes):
    """More than fits even where an item costs 24 bytes beside its payload,
    and where the index comes on top of the limit."""
    keys = 1.5 * megabytes * 2**20 / (mix.payload() + 24)
    return int(keys) // READ_AT_ONCE * READ_AT_ONCE


def load_arguments(mix, keys):
    """Sizes, what fills and what reads back: three argument lists."""
    return (["--keys", str(keys), "--key-length", str(mix.key),
             "--value", mix.value, "--connections", "10"],
            ["--preload-only", "--depth", "50"],
            ["--sequential", "--multiget", str(READ_AT_ONCE),
             "--requests", str(keys // READ_AT_ONCE)])


def fill(label, program, mix, megabytes, keys, load, core):
    sizes, filling, reading = load_arguments(mix, keys)
    with Server(label, program, cache_arguments(megabytes), core) as server:
        filled = load.run(server, sizes + filling, may_refuse=True)
        read = load.run(server, sizes + reading)
        return Held(int(read["hits"]), server.peak_rss(), megabytes,
                    int(filled["errors"]), read["misses"] > 0)


def measure_mix(mix, tagcached, memcached, megabytes, load, core):
    """(memcached's, ours) at peaks within 1 %, or as near as whole
    megabytes and a few tries come."""
    keys = keys_to_fill(mix, megabytes)
    peer = fill("memcached", memcached, mix, megabytes, keys, load, core)
    best = None
    for _ in range(TRIES):
        ours = fill("tagcached", tagcached, mix, megabytes, keys, load, core)
        off = ours.peak_rss - peer.peak_rss
        if best is None or abs(off) < abs(best.peak_rss - peer.peak_rss):
            best = ours
        step = round(-off / 2**20)
        if abs(off) <= 0.01 * peer.peak_rss or step == 0:
            break
        if megabytes + step < 16:
            break
        megabytes += step
    if not peer.full or not best.full:
        raise BenchError("not filled: raise keys_to_fill")
    return peer, best
