/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the archives of voters: a first byte that says whether the sums of heads are put right,
 * then an archive.  Oracles: no name leads out of its folder or is there twice, the bounds hold,
 * and what was read is read again from what is written of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plugin/bundle/bundle.h"

enum { BLOCK = 512, SIZE_AT = 124, SUM_AT = 148 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s\n", what, name);
    abort();
}

/* A sum is not what is fuzzed. */
static void put_right(char *bytes, size_t len)
{
    for (size_t at = 0; len - at >= BLOCK;) {
        char *head = bytes + at, text[8], size[13] = "";
        unsigned total = 0;
        memset(head + SUM_AT, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            total += (unsigned char)head[i];
        snprintf(text, sizeof text, "%06o", total);
        memcpy(head + SUM_AT, text, 7);
        memcpy(size, head + SIZE_AT, 12);
        size_t n = strtoull(size, NULL, 8) % (len + 1);
        at += BLOCK + n + (BLOCK - n % BLOCK) % BLOCK;
        if (at > len)
            return;
    }
}

static void check_names(const struct bundle *bundle)
{
    size_t total = 0;
    for (size_t i = 0; i < bundle->n; i++) {
        const char *name = bundle->files[i].name;
        if (*name == '/' || *name == '.' || *name == '-' || strstr(name, "/.") ||
            strstr(name, "//") || strlen(name) > BUNDLE_NAME_MAX)
            wrong("no plain name", name);
        if (bundle_find(bundle, name) != &bundle->files[i])
            wrong("there twice", name);
        total += bundle->files[i].bytes.len;
    }
    if (total != bundle->bytes || total > BUNDLE_BYTES_MAX)
        wrong("too large", "");
}

static void check_packed(const struct buf *plain)
{
    struct buf packed = {0};
    struct error err;
    if (gzip_pack(plain, &packed, &err) != 0 ||
        gzip_unpack(&packed, BUNDLE_BYTES_MAX + (1 << 20), &err) != 0)
        wrong("not unpacked again", err.text);
    if (packed.len != plain->len || memcmp(packed.data, plain->data, plain->len) != 0)
        wrong("unpacked as something else", "");
    buf_free(&packed);
}

static void check_again(const struct bundle *bundle)
{
    struct buf tar = {0};
    struct error err;
    struct bundle *again = calloc(1, sizeof *again);
    again->arena = bundle->arena;
    bundle_write_tar(bundle, "voter-1", &tar);
    check_packed(&tar);
    if (bundle_read_tar(buf_str(&tar), tar.len, again, &err) != 0)
        wrong("not read again", err.text);
    for (size_t i = 0; i < bundle->n; i++) {
        const struct bundle_file *a = &bundle->files[i], *b = &again->files[i];
        if (i >= again->n || strcmp(a->name, b->name) != 0 || a->executable != b->executable ||
            a->bytes.len != b->bytes.len ||
            memcmp(buf_str(&a->bytes), buf_str(&b->bytes), a->bytes.len) != 0)
            wrong("another file", a->name);
    }
    bundle_free(again);
    free(again);
    buf_free(&tar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf bytes = {0};
    struct error err;
    struct bundle *bundle = calloc(1, sizeof *bundle);
    bundle->arena = arena_new();
    if (size)
        buf_add(&bytes, data + 1, size - 1);
    int rc = gzip_unpack(&bytes, 1 << 20, &err);
    if (rc == 0 && size && data[0] & 1)
        put_right(bytes.data, bytes.len);
    if (rc == 0 && bundle_read_tar(buf_str(&bytes), bytes.len, bundle, &err) == 0) {
        check_names(bundle);
        check_again(bundle);
    }
    bundle_free(bundle);
    arena_free(bundle->arena);
    free(bundle);
    buf_free(&bytes);
    return 0;
}
