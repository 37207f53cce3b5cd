#!/usr/bin/env python3
"""Compares tagcached with memcached and with the null server, side by side in
one run, and writes the tables to a Markdown file. See README.md beside it."""
import argparse
import os
import shutil
import signal
import sys
import time

import memory
import pairs
import report
import syscalls
from servers import (BenchError, Load, Server, cache_arguments, choose_cores,
                     version)

PLANS = {
    "quick": pairs.Plan(pairs=4, seconds=0.6, keys=100_000,
                        many_keys=200_000, fill_megabytes=96),
    "full": pairs.Plan(pairs=10, seconds=2, keys=100_000,
                       many_keys=1_000_000, fill_megabytes=512),
}
SERVER_MEGABYTES = 1024


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tagcached", required=True, metavar="PATH")
    parser.add_argument("--load", required=True, metavar="PATH")
    parser.add_argument("--null-server", required=True, metavar="PATH")
    parser.add_argument("--memcached", default="memcached", metavar="PATH",
                        help="the peer (memcached of $PATH)")
    parser.add_argument("--results", metavar="DIRECTORY",
                        help="write the report there as well")
    parser.add_argument("--mode", choices=PLANS, default="full")
    parser.add_argument("--pairs", type=int, help="rounds of each row")
    parser.add_argument("--seconds", type=float, help="of a measurement")
    parser.add_argument("--only", choices=["speed", "memory", "syscalls"],
                        action="append", help="leave out the others")
    parser.add_argument("--row", metavar="TEXT",
                        help="only rows whose name contains this")
    return parser.parse_args()


def make_plan(arguments):
    plan = PLANS[arguments.mode]
    plan.pairs = arguments.pairs or plan.pairs
    plan.seconds = arguments.seconds or plan.seconds
    return plan


class Bench:
    """The programs, where they run, and what is measured."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.plan = make_plan(arguments)
        self.cores = choose_cores()
        self.load = Load(arguments.load, self.cores[1])
        self.memcached = shutil.which(arguments.memcached)
        self.rows = [row for row in pairs.ROWS
                     if (arguments.row or "") in row.name]
        self.versions = {
            "tagcached": version(arguments.tagcached) or "no version",
            "memcached": version(self.memcached) if self.memcached
            else "not installed, left out",
        }
        self.servers = []

    def wants(self, part):
        return not self.arguments.only or part in self.arguments.only

    def make_servers(self):
        core = self.cores[0]
        usual = cache_arguments(SERVER_MEGABYTES)
        made = [Server("tagcached", self.arguments.tagcached, usual, core)]
        if self.memcached:
            made += [Server("memcached", self.memcached, usual, core),
                     Server("memcached -R 1000", self.memcached,
                            usual + ["-R", "1000"], core)]
        made.append(Server("null server", self.arguments.null_server,
                           ["-p", "{port}", "-k", "24", "-v", "100"], core))
        return made

    def start_servers(self):
        keys = max(self.plan.keys, self.plan.many_keys)
        for server in self.make_servers():
            server.start()
            self.servers.append(server)
            pairs.preload(self.load, server, keys,
                          verify=server.label != "null server")

    def stop_servers(self):
        for server in self.servers:
            server.stop()

    def find(self, label):
        return [s for s in self.servers if s.label == label]

    def speed(self):
        results = []
        for row in self.rows:
            say(row.name)
            results.append(pairs.measure_row(row, self.plan, self.load,
                                             self.servers))
        peers = []
        if self.memcached:
            peers = ["memcached", "memcached mg", "memcached -R 1000"]
        return report.speed(results, peers, bool(self.find("null server")),
                            self.versions["memcached"])

    def syscalls(self):
        if shutil.which("strace") is None:
            return "System calls: strace is not installed, left out.\n"
        say("system calls")
        return report.syscalls(syscalls.measure(
            self.load, self.find("tagcached") + self.find("memcached")))

    def memory(self):
        if not self.memcached:
            return "Memory: memcached is not installed, left out.\n"
        results = []
        for mix in memory.MIXES:
            say(mix.name())
            try:
                outcome = memory.measure_mix(
                    mix, self.arguments.tagcached, self.memcached,
                    self.plan.fill_megabytes, self.load, self.cores[0])
            except BenchError as error:
                outcome = str(error)
            results.append((mix, outcome))
        return report.memory(results)

    def commands(self):
        size = self.plan.fill_megabytes
        fills = [memory.load_arguments(mix, memory.keys_to_fill(mix, size))
                 for mix in memory.MIXES]
        return report.commands(self.make_servers(), self.rows, self.plan,
                               fills)

    def run(self):
        parts = [report.heading(self.arguments.mode, self.plan, self.cores,
                                self.versions)]
        try:
            if self.wants("speed") or self.wants("syscalls"):
                self.start_servers()
            if self.wants("speed"):
                parts.append(self.speed())
            if self.wants("syscalls"):
                parts.append(self.syscalls())
        finally:
            self.stop_servers()
        if self.wants("memory"):
            parts.append(self.memory())
        parts.append(self.commands())
        return "\n".join(parts)


def say(what):
    """Progress; the report itself goes to stdout."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


def write_report(directory, mode, text):
    os.makedirs(directory, exist_ok=True)
    name = time.strftime(f"%Y-%m-%d-%H%M-{mode}.md", time.gmtime())
    path = os.path.join(directory, name)
    with open(path, "w") as out:
        out.write(text)
    say(f"written to {path}")


def main():
    arguments = parse_arguments()
    # Ended from outside, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        text = Bench(arguments).run()
    except BenchError as error:
        sys.exit(f"bench: {error}")
    if arguments.results:
        write_report(arguments.results, arguments.mode, text)
    print(text)


if __name__ == "__main__":
    main()
