"""Suites of others: Django's cache tests, pymemcache's integration tests and
libmemcached's memcapable, each against a server of ours."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from harness import upstream
from harness.process import Server
from harness.timing import scale

pytestmark = pytest.mark.upstream

DJANGO_SETTINGS = """
CACHES = {"default": {
    "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
    "LOCATION": "127.0.0.1:%d",
}}
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
SECRET_KEY = "for tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
"""


@pytest.mark.timeout(600)
def test_django(server: Server, tmp_path: Path) -> None:
    """Django's own tests of PyMemcacheCache."""
    tests = upstream.source("django") / "tests"
    (tmp_path / "our_settings.py").write_text(DJANGO_SETTINGS % server.port)
    said = upstream.run(
        sys.executable,
        "runtests.py",
        "cache.tests.PyMemcacheCacheTests",
        "--settings=our_settings",
        "--parallel=1",
        where=tests,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore"},
        timeout_s=120 * scale(),
    )
    ran = re.search(r"^Ran (\d+) tests", said, re.MULTILINE)
    skipped = re.search(r"^OK \(skipped=(\d+)\)", said, re.MULTILINE)
    assert ran and skipped, said
    # Three of them are for other backends.
    assert int(ran[1]) >= 60
    assert int(skipped[1]) <= 3
    assert int(server.stats()["cmd_set"]) > 100


@pytest.mark.timeout(300)
def test_pymemcache(server: Server) -> None:
    """pymemcache's integration tests, over its three clients."""
    said = upstream.run(
        sys.executable,
        *("-m", "pytest", "-c", os.devnull, "--rootdir=.", "-p", "no:cacheprovider"),
        *("-W", "ignore", "-q", "-m", "integration"),
        *("--server", "127.0.0.1", "--port", str(server.port)),
        "pymemcache/test/test_integration.py",
        where=upstream.source("pymemcache"),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        timeout_s=60 * scale(),
    )
    passed = re.search(r"(\d+) passed, 3 skipped", said)  # 3 want TLS
    assert passed and int(passed[1]) >= 100, said


def test_memcapable(server: Server) -> None:
    """libmemcached's conformance test of the text protocol."""
    tool = next(filter(None, map(shutil.which, ("memccapable", "memcapable"))), None)
    assert tool, "libmemcached-tools is not installed"
    said = upstream.run(
        tool,
        *("-a", "-h", "127.0.0.1", "-p", str(server.port), "-t", str(10 * scale())),
        where=Path(),
        env=dict(os.environ),
        timeout_s=60 * scale(),
    )
    assert "All tests passed" in said
    assert said.count("[pass]") == 27  # all that it has for text
    assert "[FAIL]" not in said
