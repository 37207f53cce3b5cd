# The live suites and transcripts travel with the source; scripts/test runs
# them. Folders are copied whole, so a new test needs no line here.
EXTRA_DIST += tests/conftest.py tests/pytest.ini tests/requirements.txt \
	tests/server tests/django tests/transcripts \
	scripts/lib.sh scripts/run scripts/setup scripts/test

dist-hook: dist-without-python-caches
.PHONY: dist-without-python-caches
dist-without-python-caches:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
