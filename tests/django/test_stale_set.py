"""The stale set: a reader that is overtaken between its database read and its
store, while a writer commits and invalidates."""

import threading

import pytest


class Pause:
    """Stops a thread at a place until it is told to go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.go_on.wait(60)


def read_while_a_writer_commits(read) -> None:
    """Runs `read(pause)` in a thread; while it stands in its pause, an
    appointment is saved, which commits and invalidates."""
    from clinic.models import Appointment
    from django.core.cache import cache
    from django.db import connection

    pause, errors = Pause(), []

    def reader() -> None:
        try:
            read(pause)
        except BaseException as error:  # shown by the test's own thread
            errors.append(error)
        finally:
            connection.close()
            cache.close()

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        assert pause.reached.wait(60), errors
        Appointment.objects.create(doctor_id=1, amount=1000)
    finally:
        pause.go_on.set()
        thread.join()
    assert not errors


@pytest.fixture
def paused_calculation(site, monkeypatch):
    """Lets the figures be computed, then pauses before they are stored."""
    import clinic.stats

    calculate = clinic.stats.calculate_doctor_stats

    def install(pause: Pause):
        def calculate_and_pause(doctor_id: int) -> dict:
            stats = calculate(doctor_id)
            pause()
            return stats

        monkeypatch.setattr(clinic.stats, "calculate_doctor_stats", calculate_and_pause)

    yield install
    monkeypatch.undo()


OLD = {"doctor": 1, "appointments": 2, "total": 150}
NEW = {"doctor": 1, "appointments": 3, "total": 1150}


def test_with_the_clock_it_is_refused(site, paused_calculation, monkeypatch) -> None:
    """The old figures never get into the cache."""
    from clinic.stats import get_doctor_stats
    from django.core.cache import cache

    refused = int(site.stats()["stale_stores_refused"])

    def read(pause: Pause) -> None:
        paused_calculation(pause)
        assert get_doctor_stats(1) == OLD

    read_while_a_writer_commits(read)
    monkeypatch.undo()
    assert cache.get("doctor_stats:1") is None
    assert int(site.stats()["stale_stores_refused"]) == refused + 1
    assert get_doctor_stats(1) == NEW


def test_without_the_clock_it_stays(site, paused_calculation, monkeypatch) -> None:
    """Why the clock is needed: the same reader without it leaves old figures
    for an hour, and nobody invalidates them again."""
    import clinic.stats
    from clinic.stats import get_doctor_stats

    def read(pause: Pause) -> None:
        paused_calculation(pause)
        monkeypatch.setattr(clinic.stats, "clock", lambda: None)
        assert get_doctor_stats(1) == OLD

    read_while_a_writer_commits(read)
    monkeypatch.undo()
    assert get_doctor_stats(1) == OLD


def test_a_page_is_guarded_too(site, monkeypatch) -> None:
    """cache_page stores without a clock; adding the tag finds out."""
    from clinic.views import DoctorSerializer
    from django.test import Client

    to_representation = DoctorSerializer.to_representation

    def read(pause: Pause) -> None:
        def represent_and_pause(serializer, doctor) -> dict:
            data = to_representation(serializer, doctor)
            pause()
            return data

        monkeypatch.setattr(DoctorSerializer, "to_representation", represent_and_pause)
        assert Client().get("/api/doctors/1/").json()["appointments"] == 2

    read_while_a_writer_commits(read)
    monkeypatch.undo()
    assert Client().get("/api/doctors/1/").json()["appointments"] == 3
