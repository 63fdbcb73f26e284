/* SPDX-License-Identifier: Apache-2.0 */
/* The static sections: who the workload runs as and which files it sees. */
#include <stdlib.h>
#include <string.h>

#include "policy/check/check_parts.h"

enum { PATHS_MAX = 256 };

/* 0 is root, and the highest number stands for "nobody asked" in the kernel's interfaces. */
static bool is_identity(const char *text)
{
    enum { DIGITS_MAX = 10 };
    size_t len = strlen(text);
    if (check_is(text, "sandbox"))
        return true;
    if (len > DIGITS_MAX || text[0] == '0' || strspn(text, "0123456789") != len)
        return false;
    unsigned long long id = strtoull(text, NULL, 10);
    return id >= 1 && id <= UINT32_MAX - 1u;
}

static void check_identity(struct check *c, const char *field, const char *text)
{
    if (*text && !is_identity(text))
        check_problem(
            c, "process", field,
            "%s must be 'sandbox' or a numeric UID/GID in range [1, 4294967294], got '%s'", field,
            check_shown(c, text));
}

static bool has_component(const char *path, const char *wanted)
{
    for (const char *p = path; *p; p += *p == '/') {
        size_t len = strcspn(p, "/");
        if (len == strlen(wanted) && memcmp(p, wanted, len) == 0)
            return true;
        p += len;
    }
    return false;
}

/* Nothing is left of it but slashes and dots that stay where they are. */
static bool is_root(const char *path)
{
    for (const char *p = path; *p; p += *p == '/') {
        size_t len = strcspn(p, "/");
        if (len > 1 || (len == 1 && *p != '.'))
            return false;
        p += len;
    }
    return true;
}

static void check_path(struct check *c, const char *field, const char *path, bool writable)
{
    static const char section[] = "filesystem_policy";
    const char *shown = check_shown(c, path);
    if (!check_path_length(c, section, field, path))
        return;
    if (path[0] != '/')
        check_problem(c, section, field, "path must be absolute (start with '/'): %s", shown);
    else if (has_component(path, ".."))
        check_problem(c, section, field, "path contains '..' traversal component: %s", shown);
    else if (writable && is_root(path))
        check_problem(c, section, field, "read-write path is overly broad: %s", shown);
}

static void check_filesystem(struct check *c, const struct sluice_filesystem *fs)
{
    size_t n = fs->n_read_only + fs->n_read_write;
    if (n > PATHS_MAX)
        check_problem(c, "filesystem_policy", "", "too many filesystem paths (%zu > %d)", n,
                      PATHS_MAX);
    for (size_t i = 0; i < fs->n_read_only; i++)
        check_path(c, check_item(c, "read_only", i), fs->read_only[i], false);
    for (size_t i = 0; i < fs->n_read_write; i++)
        check_path(c, check_item(c, "read_write", i), fs->read_write[i], true);
}

void check_static(struct check *c)
{
    const struct sluice_process *process = c->policy->process;
    if (process) {
        check_identity(c, "run_as_user", process->run_as_user);
        check_identity(c, "run_as_group", process->run_as_group);
    }
    if (c->policy->filesystem)
        check_filesystem(c, c->policy->filesystem);
}
