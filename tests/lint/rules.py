"""The rules that lint.py holds, as tables. A change of the house (see
doc/ARCHITECTURE.md) is a change here."""

import re

# ---- what is looked at -------------------------------------------------------
TREES = {
    "include": {".h", ".def"},
    "src": {".c", ".h", ".def"},
    "bench": {".c", ".h", ".py"},
    "tests": {".c", ".h", ".py"},
}
SKIPPED = re.compile(r"__pycache__|/results/")

# ---- layers ------------------------------------------------------------------
# Whom a room may know, itself included. Everybody may know base.
BENEATH = {
    "base": {"base"},
    "store": {"store", "base"},
    "proto": {"proto", "base"},
    "cmd": {"cmd", "store", "proto", "base"},
    "net": {"net", "cmd", "base"},
    "app": {"app", "net", "cmd", "store", "proto", "base"},
}

# The shared headers, include/tagcached/: which room each one is the door of.
HEADERS = {
    name: room
    for room, names in {
        "base": """check.h config.h counters.h hash.h log.h mem.h now.h num.h
                   out.h server_info.h span.h
                   tbl/counters.def tbl/options.def""",
        "store": "store.h tbl/store_stats.def",
        "proto": """classic.h meta.h parser.h reply.h request.h token.h
                    tbl/commands.def tbl/meta_flags.def tbl/replies.def""",
        "cmd": "session.h tbl/general_stats.def tbl/settings_stats.def",
        "net": "server.h",
    }.items()
    for name in names.split()
}

# Each dependency has one door.
DOORS = {
    "jemalloc/": ("src/base/mem.c",),
    "xxhash": ("src/base/hash.c",),
    "event2/": ("src/net/", "src/app/"),
}

# ---- locks -------------------------------------------------------------------
LOCK = re.compile(r"\b(pthread_(mutex|rwlock|spin|cond)_\w+|mtx_\w+|cnd_\w+)")
LOCKS_ALLOWED = {
    "src/net/worker.c": "the inbox through which the acceptor hands over sockets",
    "src/app/background.c": "the sweeper's sleep, which a stop interrupts",
}

# ---- sizes -------------------------------------------------------------------
CAPPED = ("include/", "src/", "bench/")
FILE_LINES = 600
FUNCTION_LINES = 80
HEADER_LINES = 150
LARGER = {
    "include/tagcached/store.h": 200,  # all of a room's contract, mostly words
}

# ---- text --------------------------------------------------------------------
COLUMNS = {".c": 80, ".h": 80, ".def": 80, ".py": 100}
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
