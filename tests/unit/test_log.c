#include "tagcached/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char text[8192];

/* What `level` prints, into text. */
static void
capture(enum log_level level, const char *words)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    log_write(level, "%s %d", words, 7);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
}

static void
test_levels(void **state)
{
    (void)state;
    assert_int_equal(log_level(), LOG_WARN);
    for (int set = LOG_ERROR; set <= LOG_DEBUG; set++) {
        log_set_level((enum log_level)set);
        assert_int_equal(log_level(), set);
        for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
            capture((enum log_level)level, "event");
            assert_string_equal(text,
                                level <= set ? "tagcached: event 7\n" : "");
        }
    }
    log_set_level(LOG_WARN);
}

/* Too long a line is cut, and still one line. */
static void
test_long_line(void **state)
{
    (void)state;
    char words[4000];
    memset(words, 'x', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    capture(LOG_ERROR, words);
    size_t len = strlen(text);
    assert_in_range(len, 500, 2000);
    assert_ptr_equal(strchr(text, '\n'), text + len - 1);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
