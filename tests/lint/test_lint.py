"""The linter can fail: each rule is broken once, in a small house."""

import tempfile
import unittest
from pathlib import Path

import rules
from lint import lint

GUARD = "#ifndef {0}\n#define {0}\n{1}\n#endif\n"


def header(name: str, body: str = "") -> str:
    """A header with its guard."""
    return GUARD.format(name.upper().replace(".", "_").replace("/", "_"), body)


class LintTest(unittest.TestCase):
    """Builds a clean house, changes one thing, and looks at the findings."""

    def setUp(self) -> None:
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        for name in rules.HEADERS:
            self.write(f"include/tagcached/{name}", header(name))
        self.write("src/store/shard.h", header("shard.h", '#include "tagcached/mem.h"'))
        self.write("src/store/shard.c", '#include "shard.h"\n#include <stddef.h>\n')
        self.write("src/net/conn.c", "#include <event2/event.h>\n")

    def write(self, path: str, text: str) -> None:
        """Puts a file into the house."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    compiler = ["true"]  # one that finds nothing, and quickly

    def findings(self) -> list[str]:
        """What the linter says, each as a line."""
        return [str(finding) for finding in lint(self.root, self.compiler)]

    def assert_found(self, start: str, *words: str) -> None:
        """Exactly one finding, which starts and reads like this."""
        found = self.findings()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(start + ": "), found)
        for word in words:
            self.assertIn(word, found[0])

    def test_clean(self) -> None:
        self.assertEqual(self.findings(), [])

    def test_layers(self) -> None:
        for room, name in (
            ("store", "parser.h"), ("proto", "store.h"), ("base", "store.h"),
            ("net", "store.h"), ("net", "request.h"), ("cmd", "server.h"),
            ("store", "tbl/commands.def"),
        ):  # fmt: skip
            with self.subTest(room=room, name=name):
                path = f"src/{room}/bad.c"
                self.write(path, f'#include <stdio.h>\n#include "tagcached/{name}"\n')
                self.assert_found(f"{path}:2", f"{room} must not know")
                (self.root / path).unlink()

    def test_layers_of_shared_headers(self) -> None:
        body = '#include "tagcached/store.h"'
        self.write("include/tagcached/span.h", header("span.h", body))
        self.assert_found("include/tagcached/span.h:3", "base must not know store")

    def test_net_may_know_session(self) -> None:
        self.write("src/net/a.c", '#include "tagcached/session.h"\n')
        self.write("src/app/a.c", '#include "tagcached/server.h"\n')
        self.assertEqual(self.findings(), [])

    def test_unknown_room(self) -> None:
        self.write("src/attic/a.c", "")
        self.assertIn("'attic' is no room", "".join(self.findings()))

    def test_header_without_layer(self) -> None:
        self.write("include/tagcached/new.h", header("new.h"))
        self.assert_found("include/tagcached/new.h:1", "has no layer")

    def test_layer_without_header(self) -> None:
        (self.root / "include/tagcached/span.h").unlink()
        self.assert_found("tests/lint/rules.py:1", "span.h does not exist")

    def test_private_header_of_another_room(self) -> None:
        self.write("src/cmd/a.c", '#include "store/shard.h"\n')
        self.assert_found("src/cmd/a.c:1", "private")

    def test_doors(self) -> None:
        for path, name in (
            ("src/store/a.c", "jemalloc/jemalloc.h"), ("src/base/a.c", "xxhash.h"),
            ("src/cmd/a.c", "event2/event.h"),
        ):  # fmt: skip
            with self.subTest(path=path):
                self.write(path, f"#include <{name}>\n")
                self.assert_found(f"{path}:1", "belongs into", "only")
                (self.root / path).unlink()

    def test_own_header_first(self) -> None:
        self.write("src/store/shard.c", '#include <stddef.h>\n#include "shard.h"\n')
        self.assert_found("src/store/shard.c:1", 'shard.h" must be included first')

    def test_own_shared_header_first(self) -> None:
        self.write("src/base/num.c", '#include <stddef.h>\n#include "tagcached/num.h"\n')
        self.assert_found("src/base/num.c:1", '"tagcached/num.h" must be included')

    def test_locks(self) -> None:
        self.write("src/cmd/a.c", "int x;\npthread_mutex_t lock;\n")
        self.assert_found("src/cmd/a.c:2", "pthread_mutex_t")
        (self.root / "src/cmd/a.c").unlink()
        self.write("src/store/a.c", "pthread_mutex_t lock;\n")
        self.assertEqual(self.findings(), [])

    def test_header_alone(self) -> None:
        self.compiler = ["cc"]
        self.assertEqual(self.findings(), [])
        self.write("src/store/shard.h", header("shard.h", "size_t shard_size;"))
        self.assert_found("src/store/shard.h:1", "does not compile alone", "size_t")

    def test_file_size(self) -> None:
        self.write("src/cmd/a.c", "\n" * (rules.FILE_LINES + 1))
        self.assert_found(f"src/cmd/a.c:{rules.FILE_LINES}", "the cap is")

    def test_header_size(self) -> None:
        self.write("src/store/shard.h", "\n" * (rules.HEADER_LINES + 1))
        self.assert_found(f"src/store/shard.h:{rules.HEADER_LINES}", "the cap is")

    def test_function_size(self) -> None:
        def function(name: str, lines: int) -> str:
            return f"int\n{name}(int a,\n    int b)\n{{\n" + ";\n" * (lines - 2) + "}\n"

        fits = function("fits", rules.FUNCTION_LINES)
        self.write("src/cmd/a.c", fits + function("large", rules.FUNCTION_LINES + 1))
        self.assert_found(f"src/cmd/a.c:{fits.count(chr(10)) + 2}", "large has 81 lines")

    def test_text(self) -> None:
        for line, what in (
            ("/* " + "x" * 80 + " */", "columns"), ("int\tx;", "a tab"),
            ("int x; ", "blanks at the end"), ("/* TO" + "DO: x */", "do it"),
            ("/* XX" + "X */", "do it"),
        ):  # fmt: skip
            with self.subTest(what=what):
                self.write("tests/unit/a.c", f"int y;\n{line}\n")
                self.assert_found("tests/unit/a.c:2", what)

    def test_line_end_at_the_end(self) -> None:
        self.write("src/cmd/a.c", "int x;")
        self.assert_found("src/cmd/a.c:1", "no line end")


if __name__ == "__main__":
    unittest.main()
