"""CPU time per operation, as ratios of neighbouring measurements.

A round measures every contender once; every second round runs backwards, so
that two contenders are measured in the order A B B A and a machine that slows
down or speeds up steadily favours none. A ratio is taken within a round; the
result is the median of the rounds' ratios and their lowest and highest.
"""
import statistics
import time

from servers import BenchError


class Row:
    """One line of the table: a kind of load.

    `also_meta` adds memcached's pipelined `mg k v` as a peer of classic get.
    """

    def __init__(self, name, arguments, target, many_keys=False,
                 also_meta=False):
        self.name = name
        self.arguments = arguments
        self.target = target
        self.many_keys = many_keys
        self.also_meta = also_meta


ROWS = [
    Row("get, unpipelined, 50 connections", [], "1.4"),
    Row("get, 16 deep", ["--depth", "16"], "2.5", also_meta=True),
    Row("get, 50 deep", ["--depth", "50"], "3.5", also_meta=True),
    Row("multiget of 100 (per key)", ["--multiget", "100"], "3",
        many_keys=True),
    Row("meta get, 50 deep", ["--depth", "50", "--read", "mg"], "3.5"),
    Row("set, unpipelined", ["--gets", "0"], "1.25"),
    Row("set, 16 deep", ["--gets", "0", "--depth", "16"], ""),
    Row("set, 50 deep", ["--gets", "0", "--depth", "50"], "3"),
    Row("90 % get, 10 % set, Zipf 0.99, 16 deep",
        ["--gets", "90", "--zipf", "0.99", "--depth", "16"], "2",
        many_keys=True, also_meta=True),
]


class Ratio:
    """Median, lowest and highest of what the rounds gave."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.low = min(values)
        self.high = max(values)


class RowResult:
    def __init__(self, row):
        self.row = row
        self.samples = {}  # contender -> one dictionary of figures a round
        self.errors = {}   # contender -> why it has no figures

    def ns_per_op(self, contender):
        """Of each round; None where the contender is missing."""
        if contender in self.errors or contender not in self.samples:
            return None
        return [s["server_ns_per_op"] for s in self.samples[contender]]

    def ratio(self, peer, subject):
        """By how much `subject` is cheaper than `peer`, or None."""
        of_peer, of_subject = self.ns_per_op(peer), self.ns_per_op(subject)
        if not of_peer or not of_subject:
            return None
        return Ratio([p / s for p, s in zip(of_peer, of_subject)])


class Plan:
    """How long and how much; what `BENCH=quick` changes."""

    def __init__(self, pairs, seconds, keys, many_keys, fill_megabytes):
        self.pairs = pairs
        self.seconds = seconds
        self.keys = keys
        self.many_keys = many_keys
        self.fill_megabytes = fill_megabytes

    def load_arguments(self, row):
        keys = self.many_keys if row.many_keys else self.keys
        return ["--keys", str(keys), "--warmup",
                format(min(0.2, self.seconds / 4), "g"),
                "--seconds", format(self.seconds, "g")] + row.arguments


def contenders(row, servers):
    """(name, server, further arguments) of everyone who is measured."""
    everyone = [(s.label, s, []) for s in servers]
    if row.also_meta:
        everyone += [(f"{s.label} mg", s, ["--read", "mg"]) for s in servers
                     if s.label == "memcached"]
    return everyone


def measure_once(load, server, arguments, seed):
    server.resume()
    time.sleep(0.05)  # it first notices the end of the last connections
    try:
        figures = load.run(server, arguments + ["--seed", str(seed)])
    finally:
        server.pause()
    if figures["misses"] > 0:  # everything fits, and a miss is cheap
        raise BenchError(f"{server.label}: {figures['misses']:.0f} misses of"
                         f" {figures['ops']:.0f}")
    return figures


def measure_row(row, plan, load, servers):
    """All rounds of one row. The servers are paused before and after."""
    result = RowResult(row)
    everyone = contenders(row, servers)
    for turn in range(plan.pairs):
        ordered = everyone if turn % 2 == 0 else everyone[::-1]
        for name, server, more in ordered:
            if name in result.errors:
                continue
            arguments = plan.load_arguments(row) + more
            try:
                figures = measure_once(load, server, arguments, turn + 1)
            except BenchError as error:
                result.errors[name] = str(error)
                continue
            result.samples.setdefault(name, []).append(figures)
    return result


def preload(load, server, keys, verify):
    """Every key once. With `verify` also a short run that checks values: what
    is measured is a server that answers rightly."""
    arguments = ["--keys", str(keys), "--depth", "50"]
    load.run(server, arguments + ["--preload-only"])
    if verify:
        load.run(server, arguments + ["--verify", "--gets", "50",
                                      "--multiget", "10", "--seconds", "0.3"])
    server.pause()
