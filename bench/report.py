"""The results as Markdown."""
import os
import platform
import re
import statistics
import time

SINGLE_SENDS = """\
memcached 1.6.18 (Debian 12) sends once for every pipelined classic `get`;
newer ones send once a batch. For `get` 16 and 50 deep, and for the pipelined
mix, compare with its pipelined `mg <key> k v` (column "memcached mg"), which
it does batch. The targets are against such a newer memcached.
"""


def table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out) + "\n"


def cpu_model():
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            found = re.search(r"^model name\s*: (.*)$", cpuinfo.read(), re.M)
        return found.group(1) if found else platform.machine()
    except OSError:
        return platform.machine()


def sends_once_a_get(memcached_version):
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", memcached_version)
    return bool(found) and tuple(map(int, found.groups())) <= (1, 6, 18)


def heading(mode, plan, cores, versions):
    lines = [
        f"# Comparison of {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}"
        f" ({mode})", "",
        f"- machine: {cpu_model()}, {os.cpu_count()} cores,"
        f" Linux {platform.release()}",
        f"- servers on core {cores[0]}, client on core {cores[1]},"
        " one worker thread each, loopback",
        f"- {plan.pairs} rounds (A B B A) of {plan.seconds:g} s,"
        f" {plan.keys} keys ({plan.many_keys} in multiget and Zipf),"
        " keys of 24 bytes, values of 100, 50 connections",
    ]
    lines += [f"- {name}: {what}" for name, what in versions.items()]
    return "\n".join(lines) + "\n"


def show_ratio(ratio, digits=2):
    if ratio is None:
        return "-"
    return (f"{ratio.median:.{digits}f}"
            f" ({ratio.low:.{digits}f}..{ratio.high:.{digits}f})")


def ratio_table(results, peers, has_null):
    """A peer's CPU time an op by ours: above 1, we are cheaper."""
    head = ["server CPU per op, peer / tagcached"] + peers + ["target"]
    if has_null:
        head.append("null server / tagcached")
    lines = []
    for result in results:
        line = [result.row.name]
        line += [show_ratio(result.ratio(p, "tagcached")) for p in peers]
        line.append(result.row.target or "-")
        if has_null:
            line.append(show_ratio(result.ratio("null server", "tagcached")))
        lines.append(line)
    return table(head, lines)


def absolute_table(results, names):
    head = ["ns of server CPU per op (busy %)"] + names + ["client, ns per op"]
    lines = []
    for result in results:
        line = [result.row.name]
        for name in names:
            ns = result.ns_per_op(name)
            if not ns:
                line.append("-")
                continue
            busy = [s["server_cpu_s"] / s["elapsed_s"]
                    for s in result.samples[name]]
            line.append(f"{statistics.median(ns):.0f}"
                        f" ({100 * statistics.median(busy):.0f})")
        client = [s["client_ns_per_op"]
                  for s in result.samples.get("tagcached", [])]
        line.append(f"{statistics.median(client):.0f}" if client else "-")
        lines.append(line)
    return table(head, lines)


def speed(results, peers, has_null, memcached_version):
    parts = ["## Server CPU per operation\n",
             "Median of the rounds' ratios (lowest..highest).\n",
             ratio_table(results, peers, has_null)]
    if sends_once_a_get(memcached_version):
        parts.append(SINGLE_SENDS)
    failed = [f"- {result.row.name}: {why}" for result in results
              for why in result.errors.values()]
    if failed:
        parts.append("Failed:\n\n" + "\n".join(failed) + "\n")
    names = ["tagcached"] + peers + (["null server"] if has_null else [])
    parts += ["For orientation only, these differ from run to run:\n",
              absolute_table(results, names)]
    return "\n".join(parts)


def megabytes(size):
    return f"{size / 2**20:.1f}"


def memory(results):
    """results: [(mix, (memcached's, ours) or an error)]."""
    head = ["items held at equal peak RSS", "tagcached / memcached", "target",
            "tagcached: items, peak MB, -m", "memcached: items, peak MB, -m"]
    lines = []
    refused = [0, 0]
    for mix, outcome in results:
        if isinstance(outcome, str):
            lines.append([mix.name(), outcome, mix.target, "-", "-"])
            continue
        peer, ours = outcome
        refused = [refused[0] + ours.refused, refused[1] + peer.refused]
        shown = [f"{h.items}, {megabytes(h.peak_rss)}, {h.megabytes}"
                 for h in (ours, peer)]
        lines.append([mix.name(), f"{ours.items / peer.items:.3f}",
                      mix.target] + shown)
    text = "## Memory\n\n" + table(head, lines)
    if any(refused):
        text += (f"\nSets refused while filling: tagcached {refused[0]},"
                 f" memcached {refused[1]}.\n")
    return text


def syscalls(results):
    """results: [(what, {call: number a batch} or an error)]."""
    lines = []
    for what, outcome in results:
        if isinstance(outcome, str):
            lines.append([what, "-", outcome])
            continue
        detail = ", ".join(f"{name} {number:.1f}" for name, number
                           in sorted(outcome.items(), key=lambda c: -c[1]))
        lines.append([what, f"{sum(outcome.values()):.1f}", detail])
    return "## System calls of a 50-deep batch\n\n" + table(
        ["server, command", "calls", "which"], lines) + "\nTarget: 3.\n"


def commands(servers, rows, plan, fills):
    lines = ["## Commands\n", "```"]
    lines += [f"{s.label + ':':18} {s.shown_command()}" for s in servers]
    lines += ["", "load --port PORT --server-pid PID --seed ROUND, and"]
    lines += [f"  {row.name}:\n      {' '.join(plan.load_arguments(row))}"
              for row in rows]
    lines += ["", "memory: the same servers with the -m of the table;",
              "load --port PORT --server-pid PID, and"]
    for sizes, fill, read in fills:
        lines += [f"  {' '.join(sizes)}",
                  f"      first {' '.join(fill)}, then {' '.join(read)}"]
    return "\n".join(lines + ["```"]) + "\n"
