noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = \
	src/proto/classic.c \
	src/proto/meta.c \
	src/proto/parser.c \
	src/proto/reply.c \
	src/proto/token.c
