/* SPDX-License-Identifier: Apache-2.0 */
/* Case files made of text, for the tests of this folder. */
#ifndef TESTS_SUPPORT_TESTKIT_H
#define TESTS_SUPPORT_TESTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "testkit/suite.h"

struct folder {
    char path[32];
};

static inline void folder_make(struct folder *f)
{
    strcpy(f->path, "/tmp/sluice-case-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static inline void folder_remove(const struct folder *f)
{
    char *command = alloc_printf("rm -rf '%s'", f->path);
    assert_int_equal(system(command), 0);
    free(command);
}

/* The caller frees the path. */
static inline char *folder_write(const struct folder *f, const char *name, const char *text)
{
    char *path = alloc_printf("%s/%s", f->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* The suite of one file. */
static inline void read_text(struct suite *suite, const char *text,
                             const struct suite_filter *filter)
{
    struct folder f;
    folder_make(&f);
    char *path = folder_write(&f, "t.test.yaml", text);
    const char *paths[] = {path};
    if (suite_read(suite, paths, 1, filter) != 0)
        fail_msg("%s", suite->errors);
    free(path);
    folder_remove(&f);
}

#endif
