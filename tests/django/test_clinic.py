"""The main job on real input: a Django site caches, tags and invalidates."""

import pytest

DOCTORS = (1, 2, 3)


@pytest.fixture
def pages(site):
    """Gets a page of the site."""
    from django.test import Client

    def get(path: str) -> dict:
        response = Client().get(path)
        assert response.status_code == 200
        return response.json()

    return get


@pytest.fixture
def sent(monkeypatch):
    """The commands that went out through clinic.tags, in order."""
    import clinic.tags

    commands, command = [], clinic.tags.command

    def record(line: str, data: bytes | None = None) -> str:
        commands.append(line)
        return command(line, data)

    monkeypatch.setattr(clinic.tags, "command", record)
    return commands


def test_stats_are_a_hit(site, queries) -> None:
    """The second time the database is not asked."""
    from clinic.stats import get_doctor_stats

    with queries() as first:
        stats = get_doctor_stats(2)
    assert stats == {"doctor": 2, "appointments": 2, "total": 200}
    hits = int(site.stats()["get_hits"])
    with queries() as second:
        assert get_doctor_stats(2) == stats
    assert len(first) == 1
    assert len(second) == 0
    assert int(site.stats()["get_hits"]) == hits + 1


def test_pages_are_hits(site, pages, queries) -> None:
    """cache_page, on the list and on a doctor."""
    for path in ("/api/doctors/", "/api/doctors/1/"):
        with queries() as first:
            page = pages(path)
        with queries() as second:
            assert pages(path) == page
        assert len(first) > 0
        assert len(second) == 0
    assert pages("/api/doctors/")[2] == {"id": 3, "name": "Doctor 3", "appointments": 2}


def fill(pages) -> None:
    """Everything there is of every doctor, into the cache."""
    from clinic.stats import get_busy_days, get_doctor_stats

    for doctor in DOCTORS:
        get_doctor_stats(doctor)
        get_busy_days(doctor)
        pages(f"/api/doctors/{doctor}/")


def costs(doctor: int, pages, queries) -> list[int]:
    """How many queries each of a doctor's things takes now."""
    from clinic.stats import get_busy_days, get_doctor_stats

    found = []
    for look in (
        lambda: get_doctor_stats(doctor),
        lambda: get_busy_days(doctor),
        lambda: pages(f"/api/doctors/{doctor}/"),
    ):
        with queries() as asked:
            look()
        found.append(len(asked))
    return found


@pytest.mark.parametrize("change", ["create", "save", "delete"])
def test_one_command_invalidates_a_doctor(site, pages, queries, sent, change) -> None:
    """Figures and page of doctor 2 are computed anew, the others' are not."""
    from clinic.models import Appointment
    from clinic.stats import get_doctor_stats

    fill(pages)
    assert costs(2, pages, queries) == [0, 0, 0]
    sent.clear()
    appointment = Appointment.objects.filter(doctor_id=2).first()
    if change == "create":
        Appointment.objects.create(doctor_id=2, amount=1000)
    elif change == "save":
        appointment.amount = 1000
        appointment.save()
    else:
        appointment.delete()
    assert sent == ["invalidate doctor:2"]
    assert costs(2, pages, queries) == [1, 1, 2]
    assert costs(1, pages, queries) == costs(3, pages, queries) == [0, 0, 0]
    count, total = {"create": (3, 1200), "save": (2, 1100), "delete": (1, 100)}[change]
    assert get_doctor_stats(2) == {"doctor": 2, "appointments": count, "total": total}
    assert pages("/api/doctors/2/")["appointments"] == count


def test_a_rollback_invalidates_nothing(site, pages, queries, sent) -> None:
    """What never happened changes nothing."""
    from clinic.models import Appointment
    from django.db import transaction

    fill(pages)
    sent.clear()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Appointment.objects.create(doctor_id=2, amount=1)
        1 / 0
    assert sent == []
    assert costs(2, pages, queries) == [0, 0, 0]


def test_many_entries_one_command(site) -> None:
    """A thousand entries of one doctor, none of another."""
    from clinic.tags import invalidate, tagged_set
    from django.core.cache import cache

    for number in range(1000):
        assert tagged_set(f"slot:{number}", number, ["doctor:1", f"slot:{number}"])
    assert tagged_set("other", 1, ["doctor:2"])
    keys = [f"slot:{number}" for number in range(1000)]
    assert len(cache.get_many(keys)) == 1000
    assert invalidate("doctor:1") == 1000
    assert cache.get_many(keys) == {}
    assert cache.get("other") == 1


def test_tagged_entries_are_ordinary_ones(site) -> None:
    """Django's own operations work on them and keep their tags."""
    from clinic.tags import invalidate, tagged_set
    from django.core.cache import cache

    for value in (0, 7, -3, True, "text", "Ünïcödé", b"bytes", {"a": [1, None]}, None):
        assert tagged_set("k", value, ["t"])
        assert cache.get("k", "missing") == value
        assert type(cache.get("k")) is type(value)
    assert tagged_set("n", 5, ["t"])
    assert cache.incr("n", 3) == 8
    assert cache.touch("n", 100)
    assert cache.add("n", 1) is False
    assert cache.get_many(["n", "k"]) == {"n": 8, "k": None}
    assert invalidate("t") == 2
    assert cache.touch("n", 100) is False
    with pytest.raises(ValueError):
        cache.incr("n")
    assert cache.add("n", 1) is True
    assert invalidate("t") == 0
    assert cache.get("n") == 1
