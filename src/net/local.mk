noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/acceptor.c \
	src/net/acceptor.h \
	src/net/conn.c \
	src/net/conn.h \
	src/net/listen.c \
	src/net/listen.h \
	src/net/server.c \
	src/net/worker.c \
	src/net/worker.h
