# proto: pure functions of bytes. cmd: whole conversations, in one process.

check_PROGRAMS += tests/unit/test_token
TESTS += tests/unit/test_token
tests_unit_test_token_SOURCES = tests/unit/test_token.c
tests_unit_test_token_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_token_LDADD = $(PROTO_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_parser
TESTS += tests/unit/test_parser
tests_unit_test_parser_SOURCES = tests/unit/test_parser.c \
	tests/unit/edge.h
tests_unit_test_parser_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_parser_LDADD = $(PROTO_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_classic
TESTS += tests/unit/test_classic
tests_unit_test_classic_SOURCES = tests/unit/test_classic.c \
	tests/unit/edge.h
tests_unit_test_classic_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_classic_LDADD = $(PROTO_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_meta
TESTS += tests/unit/test_meta
tests_unit_test_meta_SOURCES = tests/unit/test_meta.c \
	tests/unit/edge.h
tests_unit_test_meta_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_meta_LDADD = $(PROTO_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_reply
TESTS += tests/unit/test_reply
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c
tests_unit_test_reply_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reply_LDADD = $(PROTO_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_session
TESTS += tests/unit/test_session
tests_unit_test_session_SOURCES = tests/unit/test_session.c \
	tests/unit/talk.c tests/unit/talk.h
tests_unit_test_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_session_LDADD = $(CMD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_set
TESTS += tests/unit/test_set
tests_unit_test_set_SOURCES = tests/unit/test_set.c \
	tests/unit/talk.c tests/unit/talk.h
tests_unit_test_set_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_set_LDADD = $(CMD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_stats
TESTS += tests/unit/test_stats
tests_unit_test_stats_SOURCES = tests/unit/test_stats.c \
	tests/unit/talk.c tests/unit/talk.h
tests_unit_test_stats_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stats_LDADD = $(CMD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_transcripts
TESTS += tests/unit/test_transcripts
tests_unit_test_transcripts_SOURCES = tests/unit/test_transcripts.c \
	tests/unit/talk.c tests/unit/talk.h \
	tests/unit/transcript.c tests/unit/transcript.h
tests_unit_test_transcripts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_transcripts_LDADD = $(CMD_LIBS) $(CMOCKA_LIBS)
