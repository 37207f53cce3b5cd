/*
 * Assertions that stay on in production. A failed CHECK is a bug of ours,
 * never of a client or of the machine: it prints one line and aborts.
 */
#ifndef TAGCACHED_CHECK_H
#define TAGCACHED_CHECK_H

_Noreturn void check_failed(const char *file, int line, const char *what);

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (__builtin_expect(!(cond), 0))                                      \
            check_failed(__FILE__, __LINE__, #cond);                           \
    } while (0)

#endif
