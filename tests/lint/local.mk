# make lint: layers, doors, sizes and text; first that the linter itself works.
EXTRA_DIST += tests/lint/lint.py tests/lint/rules.py tests/lint/test_lint.py

RUN_LINT = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(top_srcdir)/tests/lint
.PHONY: lint
lint:
	$(RUN_LINT)/test_lint.py -q
	$(RUN_LINT)/lint.py --root $(top_srcdir) \
		--cc "$(CC) $(DEFS) -I. $(AM_CPPFLAGS) $(CPPFLAGS) $(CFLAGS)"
