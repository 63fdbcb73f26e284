/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/bundle/bundle.h"

#include <string.h>
#include <sys/stat.h>

#include "testkit/file.h"

/* Letters, digits and "._-" between slashes; no part begins with a dot, so that none is hidden or
 * leads up, or with a dash, so that none is an option. */
static bool is_plain(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    size_t len = strlen(name);
    if (!len || len > BUNDLE_NAME_MAX || strspn(name, letters) != len || name[len - 1] == '/')
        return false;
    for (const char *part = name;; part++) {
        if (strchr("./-", *part))
            return false;
        part = strchr(part, '/');
        if (!part)
            return true;
    }
}

/* A file and a folder of one name, too. */
static bool is_taken(const struct bundle *bundle, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < bundle->n; i++) {
        const char *other = bundle->files[i].name;
        size_t n = strlen(other), less = len < n ? len : n;
        if (strncmp(name, other, less) == 0 &&
            (len == n || (len < n ? other[len] : name[n]) == '/'))
            return true;
    }
    return false;
}

int bundle_add(struct bundle *bundle, const char *name, bool executable, const char *bytes,
               size_t len, struct error *err)
{
    if (!is_plain(name))
        return error_set(err, ERROR_INVALID,
                         "'%.200s' is no name for a file of a voter: at most %d letters, digits, "
                         "'.', '_', '-' and '/', and no part begins with '.' or '-'",
                         name, BUNDLE_NAME_MAX);
    if (is_taken(bundle, name))
        return error_set(err, ERROR_INVALID, "'%s' is there twice", name);
    if (bundle->n == BUNDLE_FILES_MAX || len > BUNDLE_BYTES_MAX - bundle->bytes)
        return error_set(err, ERROR_TOO_LARGE, "a voter has at most %d files and %d MiB",
                         BUNDLE_FILES_MAX, BUNDLE_BYTES_MAX >> 20);
    struct bundle_file *file = &bundle->files[bundle->n++];
    *file = (struct bundle_file){.name = arena_str(bundle->arena, name), .executable = executable};
    buf_add(&file->bytes, bytes, len);
    bundle->bytes += len;
    return 0;
}

int bundle_add_file(struct bundle *bundle, const char *name, const char *path, struct error *err)
{
    struct buf text = {0};
    struct stat st;
    int rc = file_read(path, BUNDLE_BYTES_MAX, &text, err);
    if (rc == 0 && stat(path, &st) != 0)
        rc = error_errno(err, ERROR_IO, "cannot read %s", path);
    if (rc == 0)
        rc = bundle_add(bundle, name, st.st_mode & S_IXUSR, buf_str(&text), text.len, err);
    buf_free(&text);
    return rc;
}

const struct bundle_file *bundle_find(const struct bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->n; i++)
        if (strcmp(bundle->files[i].name, name) == 0)
            return &bundle->files[i];
    return NULL;
}

void bundle_free(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->n; i++)
        buf_free(&bundle->files[i].bytes);
    bundle->n = 0;
}
