# The comparison with other servers. Nothing here runs in `make check`.
# Built by `make bench` only.
EXTRA_PROGRAMS += bench/load bench/null_server

bench_load_SOURCES = \
	bench/load.c \
	bench/connection.c bench/connection.h \
	bench/cpu.c bench/cpu.h \
	bench/driver.c bench/driver.h \
	bench/histogram.c bench/histogram.h \
	bench/key.c bench/key.h \
	bench/options.c bench/options.h \
	bench/reply.c bench/reply.h \
	bench/rng.h \
	bench/value.c bench/value.h \
	bench/wire.c bench/wire.h \
	bench/workload.c bench/workload.h \
	bench/zipf.c bench/zipf.h
bench_load_LDADD = -lm

bench_null_server_SOURCES = bench/null_server.c
bench_null_server_LDADD = $(LIBEVENT_LIBS)

EXTRA_DIST += \
	bench/README.md \
	bench/compare.py \
	bench/memory.py \
	bench/pairs.py \
	bench/report.py \
	bench/servers.py \
	bench/syscalls.py

# BENCH=quick: some five minutes. MEMCACHED=path: another peer than the one of
# $PATH. BENCHFLAGS: see compare.py --help.
.PHONY: bench
bench: tagcached$(EXEEXT) bench/load$(EXEEXT) bench/null_server$(EXEEXT)
	@test "$(PYTHON)" != : || { echo "make bench needs Python 3.9"; exit 1; }
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/bench/compare.py \
		--tagcached $(builddir)/tagcached$(EXEEXT) \
		--load $(builddir)/bench/load$(EXEEXT) \
		--null-server $(builddir)/bench/null_server$(EXEEXT) \
		--memcached "$${MEMCACHED:-memcached}" \
		--results $(srcdir)/bench/results \
		--mode "$${BENCH:-full}" $(BENCHFLAGS)

CLEANFILES += bench/load$(EXEEXT) bench/null_server$(EXEEXT)
