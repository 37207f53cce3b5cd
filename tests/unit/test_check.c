#include "tagcached/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_what_holds_costs_nothing(void **state)
{
    (void)state;
    int looked = 0;
    CHECK(++looked == 1);
    assert_int_equal(looked, 1);
}

static void
test_a_bug_is_named_and_aborts(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        CHECK(1 + 1 == 3);
        _exit(0);
    }
    close(fds[1]);
    char line[256] = "";
    ssize_t len = read(fds[0], line, sizeof(line) - 1);
    assert_true(len > 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    close(fds[0]);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(line, "test_check.c"));
    assert_non_null(strstr(line, "1 + 1 == 3"));
    assert_int_equal(line[len - 1], '\n');
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_holds_costs_nothing),
        cmocka_unit_test(test_a_bug_is_named_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
