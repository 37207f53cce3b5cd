# store: its parts alone, then through its door.
STORE_KIT = tests/unit/store_kit.c tests/unit/store_kit.h

check_PROGRAMS += tests/unit/test_table
TESTS += tests/unit/test_table
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_table_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_index
TESTS += tests/unit/test_index
tests_unit_test_index_SOURCES = tests/unit/test_index.c
tests_unit_test_index_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_index_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_segment
TESTS += tests/unit/test_segment
tests_unit_test_segment_SOURCES = tests/unit/test_segment.c
tests_unit_test_segment_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_segment_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_item
TESTS += tests/unit/test_item
tests_unit_test_item_SOURCES = tests/unit/test_item.c
tests_unit_test_item_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_item_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_tags
TESTS += tests/unit/test_tags
tests_unit_test_tags_SOURCES = tests/unit/test_tags.c $(STORE_KIT)
tests_unit_test_tags_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_tags_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_blob
TESTS += tests/unit/test_blob
tests_unit_test_blob_SOURCES = tests/unit/test_blob.c
tests_unit_test_blob_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_blob_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_shard
TESTS += tests/unit/test_shard
tests_unit_test_shard_SOURCES = tests/unit/test_shard.c $(STORE_KIT)
tests_unit_test_shard_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_shard_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_reclaim
TESTS += tests/unit/test_reclaim
tests_unit_test_reclaim_SOURCES = tests/unit/test_reclaim.c $(STORE_KIT)
tests_unit_test_reclaim_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_reclaim_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_store
TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(STORE_KIT)
tests_unit_test_store_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_write
TESTS += tests/unit/test_write
tests_unit_test_write_SOURCES = tests/unit/test_write.c $(STORE_KIT)
tests_unit_test_write_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_write_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_sweep
TESTS += tests/unit/test_sweep
tests_unit_test_sweep_SOURCES = tests/unit/test_sweep.c $(STORE_KIT)
tests_unit_test_sweep_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sweep_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_store_threads
TESTS += tests/unit/test_store_threads
tests_unit_test_store_threads_SOURCES = tests/unit/test_store_threads.c $(STORE_KIT)
tests_unit_test_store_threads_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_threads_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/test_store_model
TESTS += tests/unit/test_store_model
tests_unit_test_store_model_SOURCES = tests/unit/test_store_model.c $(STORE_KIT)
tests_unit_test_store_model_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_model_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
