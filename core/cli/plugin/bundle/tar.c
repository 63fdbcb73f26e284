/* SPDX-License-Identifier: Apache-2.0 */
/* Archives in the format of POSIX (ustar): blocks of 512 bytes, a head of fixed fields in front of
 * each file. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/plugin/bundle/bundle.h"

enum { BLOCK = 512 };

struct head {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], check[8], kind, link[100];
    char magic[8], owner[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a head is a block");

/* The sum of its bytes, with blanks where the sum stands. */
static unsigned sum(const struct head *head)
{
    struct head copy = *head;
    unsigned total = 0;
    memset(copy.check, ' ', sizeof copy.check);
    for (size_t i = 0; i < sizeof copy; i++)
        total += ((const unsigned char *)&copy)[i];
    return total;
}

/* ---- writing ---- */

static void octal(char *field, size_t size, size_t number)
{
    snprintf(field, size, "%0*zo", (int)size - 1, number);
}

static void add_padding(struct buf *out, size_t len)
{
    static const char nothing[2 * BLOCK];
    buf_add(out, nothing, len);
}

static void add_head(struct buf *out, const char *folder, const struct bundle_file *file)
{
    struct head head = {.kind = '0', .magic = "ustar"};
    memcpy(head.magic + 6, "00", 2);
    memcpy(head.name, file->name, strlen(file->name));
    snprintf(head.prefix, sizeof head.prefix, "%s", folder);
    octal(head.mode, sizeof head.mode, file->executable ? 0755 : 0644);
    octal(head.uid, sizeof head.uid, 0);
    octal(head.gid, sizeof head.gid, 0);
    octal(head.size, sizeof head.size, file->bytes.len);
    octal(head.mtime, sizeof head.mtime, 0);
    octal(head.check, sizeof head.check - 1, sum(&head));
    head.check[7] = ' ';
    buf_add(out, &head, sizeof head);
}

void bundle_write_tar(const struct bundle *bundle, const char *folder, struct buf *out)
{
    for (size_t i = 0; i < bundle->n; i++) {
        const struct bundle_file *file = &bundle->files[i];
        add_head(out, folder, file);
        buf_add(out, file->bytes.data, file->bytes.len);
        add_padding(out, (BLOCK - file->bytes.len % BLOCK) % BLOCK);
    }
    add_padding(out, 2 * BLOCK);                    /* the end */
}

/* ---- reading ---- */

static int wrong(struct error *err, const char *why)
{
    return error_set(err, ERROR_MALFORMED, "it is no tar archive that sluice reads: %s", why);
}

/* SIZE_MAX: it is no number. */
static size_t number(const char *field, size_t size)
{
    size_t n = 0, i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7' || n > SIZE_MAX / 16)
            return SIZE_MAX;
        n = n * 8 + (size_t)(field[i] - '0');
    }
    return n;
}

/* Without the folder that all are below.  NULL: it is below none. */
static const char *name_of(const struct head *head, struct arena *arena)
{
    const char *name = arena_strn(arena, head->name, strnlen(head->name, sizeof head->name));
    if (*head->prefix)
        name = arena_printf(arena, "%.*s/%s",
                            (int)strnlen(head->prefix, sizeof head->prefix), head->prefix, name);
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    const char *slash = strchr(name, '/');
    return slash ? slash + 1 : NULL;
}

/* A folder is made where a file needs it. */
static int take_entry(const struct head *head, const char *bytes, size_t size, struct bundle *out,
                      struct error *err)
{
    size_t mode = number(head->mode, sizeof head->mode);
    const char *name = name_of(head, out->arena);
    if (head->kind == '5' && size == 0)
        return 0;
    if (head->kind != '0' && head->kind != '\0')
        return error_set(err, ERROR_MALFORMED,
                         "'%.100s' is no regular file (kind '%c' of tar): links, devices and the "
                         "like are not unpacked; archives of sluice plugin publish have none",
                         head->name, head->kind >= ' ' && head->kind <= '~' ? head->kind : '?');
    if (!name)
        return wrong(err, "its files are not below one folder");
    return bundle_add(out, name, mode != SIZE_MAX && mode & 0100, bytes, size, err);
}

int bundle_read_tar(const char *bytes, size_t len, struct bundle *out, struct error *err)
{
    for (size_t at = 0; len - at >= BLOCK;) {
        struct head head;
        memcpy(&head, bytes + at, BLOCK);
        at += BLOCK;
        if (!head.name[0])
            return out->n ? 0 : wrong(err, "it has no file");
        size_t size = number(head.size, sizeof head.size);
        if (memcmp(head.magic, "ustar", 5) != 0 ||
            number(head.check, sizeof head.check) != sum(&head))
            return wrong(err, "the head of a file is broken");
        if (size > len - at)
            return wrong(err, "it is cut short");
        if (take_entry(&head, bytes + at, size, out, err) != 0)
            return -1;
        size_t padded = size + (BLOCK - size % BLOCK) % BLOCK;
        if (padded > len - at)
            return wrong(err, "it is cut short");
        at += padded;
    }
    return wrong(err, "it has no end");
}
