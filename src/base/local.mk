noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/check.c \
	src/base/config.c \
	src/base/counters.c \
	src/base/hash.c \
	src/base/log.c \
	src/base/mem.c \
	src/base/now.c \
	src/base/num.c \
	src/base/out.c
