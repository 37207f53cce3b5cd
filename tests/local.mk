# Unit tests: one program a file, TAP under Automake's driver.
if HAVE_CMOCKA
include tests/unit/base.mk
include tests/unit/store.mk
include tests/unit/cmd.mk
include tests/unit/net.mk
endif
