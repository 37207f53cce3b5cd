noinst_LIBRARIES += libcmd.a
libcmd_a_SOURCES = \
	src/cmd/admin.c \
	src/cmd/arith.c \
	src/cmd/batch.c \
	src/cmd/block.c \
	src/cmd/call.h \
	src/cmd/delete.c \
	src/cmd/dump.c \
	src/cmd/get.c \
	src/cmd/mget.c \
	src/cmd/session.c \
	src/cmd/set.c \
	src/cmd/state.h \
	src/cmd/stats.c \
	src/cmd/tag.c \
	src/cmd/touch.c \
	src/cmd/version.h
