bin_PROGRAMS += tagcached
tagcached_SOURCES = \
	src/app/background.c \
	src/app/background.h \
	src/app/daemon.c \
	src/app/daemon.h \
	src/app/main.c \
	src/app/privileges.c \
	src/app/privileges.h \
	src/app/signals.c \
	src/app/signals.h
tagcached_LDADD = $(NET_LIBS)
