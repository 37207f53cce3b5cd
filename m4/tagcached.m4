# REQUIRE_LIBRARY(VARIABLE, MODULE-AND-VERSION, DEBIAN-PACKAGE)
AC_DEFUN([REQUIRE_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 was not found by pkg-config. On Debian and Ubuntu: apt-get install $3])])
])

# REQUIRE_C17: adds -std=gnu17
AC_DEFUN([REQUIRE_C17], [
  AC_MSG_CHECKING([whether $CC takes -std=gnu17])
  saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -std=gnu17"
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#include <stdatomic.h>
_Static_assert(__STDC_VERSION__ >= 201710L, "C17");]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no]); AC_MSG_ERROR([a C17 compiler with <stdatomic.h> is needed])])
  CFLAGS=$saved_CFLAGS
])

# SANITIZER_SWITCH(NAME, TITLE, -fsanitize-VALUE): --enable-NAME
AC_DEFUN([SANITIZER_SWITCH], [
  AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [build with $2])],
                [], [enable_$1=no])
  AS_IF([test "x$enable_$1" = xyes],
        [SANITIZE="$SANITIZE -fsanitize=$3 -fno-omit-frame-pointer -g"])
])

# REQUIRE_THREADS: -pthread
AC_DEFUN([REQUIRE_THREADS], [
  saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -pthread"
  AC_MSG_CHECKING([for pthreads])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <pthread.h>]],
      [[pthread_t t; return pthread_create(&t, 0, 0, 0);]])],
    [AC_MSG_RESULT([-pthread])],
    [AC_MSG_RESULT([no]); AC_MSG_ERROR([POSIX threads are needed])])
  CFLAGS=$saved_CFLAGS
])
