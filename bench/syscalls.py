"""System calls for a batch of 50 requests, counted by strace."""
import os
import re
import signal
import subprocess
import tempfile
import time

from servers import BenchError

DEPTH = 50
BATCHES = 2000
# What a server does with its sockets and its event loop; not what its
# background threads do to sleep.
TRACE = "trace=%network,%desc"


def wait_attached(process, pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        with open(f"/proc/{pid}/status") as status:
            traced = re.search(r"^TracerPid:\s*(\d+)", status.read(), re.M)
        if traced and traced.group(1) != "0":
            time.sleep(0.2)  # the other threads follow
            return
        time.sleep(0.02)
    raise BenchError("strace could not attach")


def parse_summary(text):
    """{system call: number} of the table that strace -c prints."""
    calls = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def count(load, server, arguments):
    """{system call: number a batch}, of those that come every tenth batch at
    least. The server runs, and goes on running."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "summary")
        strace = subprocess.Popen(
            ["strace", "-f", "-c", "-e", TRACE, "-o", path, "-p",
             str(server.process.pid)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            wait_attached(strace, server.process.pid)
            load.run(server, ["--connections", "1", "--depth", str(DEPTH),
                              "--requests", str(DEPTH * BATCHES),
                              "--keys", "1000"] + arguments)
        finally:
            if strace.poll() is None:
                strace.send_signal(signal.SIGINT)  # it detaches
            strace.wait()
        with open(path) as summary:
            calls = parse_summary(summary.read())
    return {name: number / BATCHES for name, number in calls.items()
            if number >= BATCHES / 10}


def measure(load, servers):
    """[(what, {system call: number a batch} or an error)]."""
    results = []
    for server in servers:
        for command in ("get", "mg"):
            what = f"{server.label}, {command}"
            server.resume()
            try:
                results.append((what, count(load, server,
                                            ["--read", command])))
            except (BenchError, OSError) as error:
                results.append((what, str(error)))
            server.pause()
    return results
