"""The clinic, ready to use: Django set up, tables made, a server behind it."""

import os
from collections.abc import Iterator

import pytest

from harness.process import Server


@pytest.fixture(scope="session")
def clinic_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server behind the clinic's cache, and the clinic's database."""
    place = tmp_path_factory.mktemp("clinic")
    with Server(place / "server") as server:
        os.environ["CLINIC_CACHE"] = f"127.0.0.1:{server.port}"
        os.environ["CLINIC_DATABASE"] = str(place / "clinic.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "clinic.settings"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", run_syncdb=True, verbosity=0)
        yield server


@pytest.fixture
def site(clinic_server: Server) -> Iterator[Server]:
    """Three doctors with two appointments each, and an empty cache."""
    from clinic.models import Appointment, Doctor
    from django.core.cache import cache

    for number in (1, 2, 3):
        doctor = Doctor.objects.create(pk=number, name=f"Doctor {number}")
        Appointment.objects.create(doctor=doctor, amount=100)
        Appointment.objects.create(doctor=doctor, amount=50 * number)
    cache.clear()
    yield clinic_server
    Doctor.objects.all().delete()
    cache.close()


@pytest.fixture
def queries():
    """A context in which database queries are counted: `with queries() as q`,
    then `len(q)`."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return lambda: CaptureQueriesContext(connection)
