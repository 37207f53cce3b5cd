"""Many clients at once, everything they can do, and the books at the end."""

import random
import threading
import time
from collections.abc import Callable

import pytest

from harness.process import Server
from harness.timing import sanitizer, wait_until
from harness.wire import Conversation

SECONDS = 8
CLIENTS = 8
KEYS = 400
TAGS = 40


def value_for(key: str, chance: random.Random) -> bytes:
    """A value that says whose it is: a wrong one is seen."""
    size = chance.choice((0, 1, 20, 300, 3000, 20_000, 200_000))
    return f"{key}:".encode() + b"." * size


def check_value(key: str, value: bytes | None) -> None:
    """A miss is legal, another key's value never."""
    if value is not None and value.strip(b"0123456789"):
        owner, _, rest = value.partition(b":")
        assert owner == key.encode(), (key, value[:50])
        assert not rest.strip(b"."), (key, value[:50])


def one_step(client: Conversation, chance: random.Random) -> None:
    """Something a client does, and a check of what it is told."""
    key, tag = f"k{chance.randrange(KEYS)}", f"t{chance.randrange(TAGS)}"
    action = chance.randrange(100)
    if action < 35:
        check_value(key, client.get(key))
    elif action < 50:
        value = value_for(key, chance)
        assert client.set(key, value, ttl=chance.choice((0, 0, 1, -1))) == b"STORED"
    elif action < 70:
        value = value_for(key, chance)
        other = f"t{chance.randrange(TAGS)}"
        clock = f" A{client.clock()}" if chance.random() < 0.5 else ""
        reply = client.ask(f"ms {key} {len(value)} G{tag},{other}{clock}", value)
        assert reply in (b"HD", b"NS"), reply
    elif action < 78:
        assert client.ask(f"delete {key}") in (b"DELETED", b"NOT_FOUND")
    elif action < 86:
        assert client.ask(f"invalidate {tag}").startswith(b"INVALIDATED ")
    elif action < 88:
        assert client.ask(f"md {tag} G q", "mn") == b"MN"
    elif action < 92:
        client.send("get " + " ".join(f"k{chance.randrange(KEYS)}" for _ in range(20)))
        while (head := client.line()) != b"END":
            _, name, _, length = head.split()
            check_value(name.decode(), client.read(int(length)))
            assert client.read(2) == b"\r\n"
    elif action < 95:
        number = f"n{chance.randrange(20)}"
        if client.ask(f"incr {number} 1") == b"NOT_FOUND":
            client.ask(f"ms {number} 1 ME G{tag}", "0")
    elif action < 97:
        assert client.ask(f"touch {key} 100") in (b"TOUCHED", b"NOT_FOUND")
    elif action < 99:
        assert client.ask(f"append {key} 0 0 3", "...") in (b"STORED", b"NOT_STORED")
    elif chance.random() < 0.1:
        assert client.ask("flush_all") == b"OK"


def run_clients(server: Server, seconds: float, work: Callable) -> None:
    """Clients in threads of their own; the first error is shown."""
    errors: list[BaseException] = []
    end = time.monotonic() + seconds

    def run(number: int) -> None:
        chance = random.Random(number)
        try:
            while time.monotonic() < end and not errors:
                with server.connect() as client:
                    for _ in range(chance.randrange(1, 2000)):
                        work(client, chance)
                        if time.monotonic() > end:
                            break
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize(
    "words", [(), ("-m", "8", "-I", "1m"), ("-t", "1"), ("-t", "8", "-R", "1")],
    ids=lambda words: " ".join(words) or "default",
)  # fmt: skip
def test_books_balance(start: Callable[..., Server], words: tuple[str, ...]) -> None:
    """After all of it: every entry that came has gone, by one cause, or is
    there; and an empty server owns what it owned at the start."""
    server = start(*words)
    empty = server.stats()
    run_clients(server, SECONDS if sanitizer() is None else 2 * SECONDS, one_step)
    with server.connect() as client:
        wait_until(
            lambda: client.stats()["curr_connections"] == "1", "all have gone"
        )
        stats = client.stats()
        assert int(stats["total_items"]) > 100
        assert int(stats["bytes"]) <= int(stats["limit_maxbytes"])
        balance(stats)
        assert client.ask("flush_all") == b"OK"
        wait_until(lambda: client.stats()["curr_items"] == "0", "all is swept", 60)
        stats = client.stats()
        balance(stats)
        assert stats["tag_links"] == "0"
        # Index and tag records may have grown, values and links are gone.
        assert int(stats["bytes"]) < int(empty["bytes"]) + (4 << 20)


def balance(stats: dict[str, str]) -> None:
    """curr_items = inserted - removed, cause by cause."""
    removed = {n: int(v) for n, v in stats.items() if n.startswith("removed_")}
    came, left = int(stats["inserted"]), int(stats["curr_items"])
    assert left == came - sum(removed.values()), (came, left, removed)


def test_an_invalidation_is_seen_by_all(server: Server) -> None:
    """Once it is acknowledged, no connection reads an older value: readers
    compare what they get with what was acknowledged before they asked."""
    acknowledged = [0] * 4
    errors: list[str] = []
    end = time.monotonic() + (SECONDS if sanitizer() is None else 2 * SECONDS)
    counts = {"hits": 0, "refused": 0}

    def writer() -> None:
        chance = random.Random(99)
        with server.connect() as client:
            while time.monotonic() < end:
                tag = chance.randrange(len(database))
                database[tag] += 1  # commit
                client.ask(f"invalidate row:{tag}")
                acknowledged[tag] = max(acknowledged[tag], database[tag])

    def reader(number: int) -> None:
        chance = random.Random(number)
        with server.connect() as client:
            while time.monotonic() < end and not errors:
                tag = chance.randrange(len(database))
                floor = acknowledged[tag]
                reply = client.ask(f"mg view:{tag} v a")
                if reply.startswith(b"VA"):
                    version = int(client.line())
                    counts["hits"] += 1
                    if version < floor:
                        errors.append(f"row {tag}: {version} after {floor}")
                    continue
                clock = reply.split(b" a")[1].decode()
                value = str(database[tag])  # the read of the database
                if chance.random() < 0.3:
                    time.sleep(chance.random() / 500)
                stored = client.ask(
                    f"ms view:{tag} {len(value)} Grow:{tag} A{clock}", value
                )
                counts["refused"] += stored == b"NS"

    database = [0] * len(acknowledged)
    threads = [threading.Thread(target=reader, args=(n,)) for n in range(6)]
    threads.append(threading.Thread(target=writer))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[:3]
    # Both really happened, or nothing was tested.
    assert counts["hits"] > 100
    assert counts["refused"] > 10
