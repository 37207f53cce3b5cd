# proto: pure functions of bytes. cmd: whole conversations, in one process.
check_PROGRAMS += tests/unit/test_transcripts
TESTS += tests/unit/test_transcripts
tests_unit_test_transcripts_SOURCES = tests/unit/test_transcripts.c \
	tests/unit/talk.c tests/unit/talk.h \
	tests/unit/transcript.c tests/unit/transcript.h
tests_unit_test_transcripts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_transcripts_LDADD = $(CMD_LIBS) $(CMOCKA_LIBS)
