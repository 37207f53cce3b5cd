noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/blob.c src/store/blob.h \
	src/store/index.c src/store/index.h \
	src/store/item.h \
	src/store/reclaim.c src/store/reclaim.h \
	src/store/records.c src/store/records.h \
	src/store/segment.c src/store/segment.h \
	src/store/shard.c src/store/shard.h \
	src/store/stats.c \
	src/store/store.c src/store/store.h \
	src/store/sweep.c \
	src/store/table.c src/store/table.h \
	src/store/tags.c src/store/tags.h \
	src/store/walk.c \
	src/store/write.c
