"""Runs the README's Django snippet in a Django of its own.

    python replay_readme.py README PORT

The README marks its blocks:

    <!-- replayed: django settings -->   defines CACHES
    <!-- replayed: django code -->       defines get_doctor_stats and receivers,
                                         with the models of clinic.models
    <!-- replayed: django session -->    optional: a >>> session with them

Doctors 42 and 43 have two appointments each, of 100 and 50. After the session
the snippet must do what it is for: see `check`.
"""

import doctest
import sys
from pathlib import Path

import django
from django.conf import settings
from harness import readme


def set_up(text: str, port: int) -> None:
    """Django with the README's CACHES and an empty database in memory."""
    given: dict = {}
    for block in readme.blocks(text, "django settings"):
        exec(block.replace("127.0.0.1:11211", f"127.0.0.1:{port}"), given)
    settings.configure(
        CACHES=given["CACHES"],
        INSTALLED_APPS=["clinic.apps.ModelsOnly"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    from clinic.models import Appointment, Doctor

    for number in (42, 43):
        doctor = Doctor.objects.create(pk=number, name=f"Doctor {number}")
        for amount in (100, 50):
            Appointment.objects.create(doctor=doctor, amount=amount)


def run_session(text: str, names: dict) -> None:
    """The >>> blocks, if there are any."""
    try:
        found = readme.blocks(text, "django session")
    except readme.ReadmeError:
        return
    for block in found:
        test = doctest.DocTestParser().get_doctest(block, names, "README", None, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        if runner.run(test, clear_globs=False).failed:
            sys.exit("the README's session went otherwise")


def check(names: dict) -> None:
    """Cached; a saved appointment makes this doctor's figures new and leaves
    the other's alone."""
    from clinic.models import Appointment
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked(doctor: int) -> tuple[object, int]:
        with CaptureQueriesContext(connection) as queries:
            stats = names["get_doctor_stats"](doctor)
        return stats, len(queries)

    before, _ = asked(42)
    other, _ = asked(43)
    assert asked(42) == (before, 0), "not cached"
    Appointment.objects.create(doctor_id=42, amount=7)
    after, queries = asked(42)
    assert queries > 0 and after != before, "old figures after a save"
    assert asked(43) == (other, 0), "the other doctor's figures went, too"


def main() -> None:
    """The command line."""
    text, port = Path(sys.argv[1]).read_text(), int(sys.argv[2])
    set_up(text, port)
    names: dict = {"__name__": "readme"}
    for block in readme.blocks(text, "django code"):
        exec(block, names)
    run_session(text, names)
    check(names)


if __name__ == "__main__":
    main()
