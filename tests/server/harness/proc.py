"""What /proc tells about a process."""

import os
import re
from pathlib import Path

LISTEN = "0A"  # the state of a socket that listens


def is_running(pid: int) -> bool:
    """Somebody has this pid and is not a corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def sockets(pid: int) -> set[str]:
    """The inodes of its sockets."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except FileNotFoundError:
            continue
        if match:
            found.add(match[1])
    return found


def net_table(pid: int, name: str) -> list[list[str]]:
    """The lines of /proc/PID/net/NAME without its head."""
    path = Path(f"/proc/{pid}/net/{name}")
    if not path.exists():
        return []
    return [line.split() for line in path.read_text().splitlines()[1:]]


def listening(pid: int) -> set[tuple[str, int]]:
    """Where it listens: addresses as /proc writes them, in hexadecimal."""
    mine, found = sockets(pid), set()
    for words in net_table(pid, "tcp") + net_table(pid, "tcp6"):
        if words[3] == LISTEN and words[9] in mine:
            address, _, port = words[1].rpartition(":")
            found.add((address, int(port, 16)))
    return found


def memory_peak_bytes(pid: int) -> int:
    """The most resident memory it ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    assert match
    return int(match[1]) * 1024


def thread_names(pid: int) -> set[str]:
    """The names of its threads."""
    tasks = Path(f"/proc/{pid}/task").glob("*/comm")
    return {task.read_text().strip() for task in tasks}
