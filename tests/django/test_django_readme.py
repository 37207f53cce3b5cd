"""The README's Django snippet, run as it stands there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import readme
from harness.process import Server

HERE = Path(__file__).resolve().parent

SAMPLE = '''
<!-- replayed: django settings -->
```python
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": "127.0.0.1:11211",
    }
}
```

<!-- replayed: django code -->
```python
from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Sum
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from pymemcache.client.base import PooledClient
from pymemcache.serde import pickle_serde

from clinic.models import Appointment

server = PooledClient(settings.CACHES["default"]["LOCATION"])


def get_doctor_stats(doctor_id):
    key = f"doctor_stats:{doctor_id}"
    stats = cache.get(key)
    if stats is None:
        clock = server.raw_command("mg _ a").decode()[4:]
        stats = Appointment.objects.filter(doctor=doctor_id).aggregate(
            appointments=Count("id"), total=Sum("amount")
        )
        data, flags = pickle_serde.serialize(key, stats)
        line = f"ms {cache.make_key(key)} {len(data)} F{flags} T3600"
        line += f" Gdoctor:{doctor_id} A{clock}\\r\\n"
        server.raw_command(line.encode() + data)
    return stats


@receiver([post_save, post_delete], sender=Appointment)
def invalidate_doctor(sender, instance, **kwargs):
    server.raw_command(f"invalidate doctor:{instance.doctor_id}")
```

<!-- replayed: django session -->
```pycon
>>> get_doctor_stats(42)["appointments"]
2
```
'''


def run(text: str, server: Server, place: Path) -> subprocess.CompletedProcess[str]:
    """The snippet of `text`, in a process of its own."""
    path = place / "README.md"
    path.write_text(text)
    command = [sys.executable, str(HERE / "replay_readme.py"), str(path), str(server.port)]
    env = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parent / 'server'}"}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_readme(server: Server, tmp_path: Path) -> None:
    """README.md's own."""
    ended = run(readme.README.read_text(), server, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_sample(server: Server, tmp_path: Path) -> None:
    """The replayer replays."""
    ended = run(SAMPLE, server, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        ('f"invalidate doctor:{', 'f"invalidate dentist:{', "old figures"),
        ('f"invalidate doctor:{instance.doctor_id}"', '"flush_all"', "other doctor's"),
        ("T3600", "T-1", "not cached"),
        ("\n2\n```", "\n3\n```", "went otherwise"),
        ("django settings", "django nothing", "no block is marked"),
    ],
)
def test_sample_that_lies(
    server: Server, tmp_path: Path, right: str, wrong: str, what: str
) -> None:
    """The replayer sees what is not so."""
    assert right in SAMPLE
    ended = run(SAMPLE.replace(right, wrong), server, tmp_path)
    assert ended.returncode != 0
    assert what in ended.stdout + ended.stderr
