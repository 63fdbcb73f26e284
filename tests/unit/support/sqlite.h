/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the SQLite backend alone. */
#ifndef TESTS_SUPPORT_SQLITE_H
#define TESTS_SUPPORT_SQLITE_H

#include "support/store.h"

static inline void tamper(struct fixture *f, const char *sql)
{
    sqlite_must_execute(f->place.path, sql);
}

/* Root may read and write anything, so what permissions do is tried in a child that is nobody.
 * Returns what try returns, 0 to 99. */
static inline int as_nobody(struct fixture *f, int (*try)(struct fixture *f))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && setuid(65534) != 0 ? 100 : try(f));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif
