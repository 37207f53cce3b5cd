"""A fast sender: many prebuilt sets in one go, replies counted, not parsed."""

import selectors
from collections.abc import Iterable

from .wire import Conversation

STORED = b"STORED\r\n"


def flood(client: Conversation, batches: Iterable[tuple[bytes, int]]) -> bytes:
    """Sends batches of (bytes, sets in it) without waiting for replies, and
    reads replies meanwhile. Returns what was no `STORED`, or nothing."""
    wanted = received = 0
    tail = b""
    source = iter(batches)
    todo = memoryview(b"")
    exhausted = False
    client.sock.setblocking(False)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(client.sock, selectors.EVENT_READ)
            while not exhausted or received < wanted:
                if not todo and not exhausted:
                    batch = next(source, None)
                    if batch is None:
                        exhausted = True
                        continue  # perhaps all replies are there already
                    todo, count = memoryview(batch[0]), batch[1]
                    wanted += count * len(STORED)
                events = selectors.EVENT_READ
                if todo:
                    events |= selectors.EVENT_WRITE
                selector.modify(client.sock, events)
                for _, ready in selector.select(timeout=120) or _silence():
                    if ready & selectors.EVENT_WRITE:
                        todo = todo[client.sock.send(todo) :]
                    if ready & selectors.EVENT_READ:
                        data = client.sock.recv(1 << 20)
                        received += len(data)
                        tail += data
                        whole = len(tail) // len(STORED) * len(STORED)
                        if not data or tail[:whole] != STORED * (whole // len(STORED)):
                            return tail or b"closed"
                        tail = tail[whole:]
    finally:
        client.sock.settimeout(120)
    return b""


def _silence() -> Iterable:
    raise TimeoutError("the server neither takes nor sends anything")
