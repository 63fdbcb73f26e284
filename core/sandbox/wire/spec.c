/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/io.h"
#include "doc/writer.h"
#include "sandbox/wire/fields.h"

enum { SPEC_BYTES_MAX = 4 * 1024 * 1024 };

/* ---- maps whose values are no maps: a variable is a text, a pinned host a list of addresses
 * ---- */

static int decode_value(struct schema_decoder *d, const struct doc_node *value, void *pair)
{
    return schema_any_text(d, value, &((struct spec_pair *)pair)->value);
}

static bool encode_value(const void *pair, struct doc_writer *w)
{
    doc_write_text(w, ((const struct spec_pair *)pair)->value);
    return true;
}

static int decode_addresses(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct spec_host *host = record;
    if (value->kind != DOC_LIST)
        return schema_problem(d, value, "must be a list of addresses, not %s",
                              schema_show(d, value));
    const char **addresses = arena_zalloc(schema_arena(d), (value->n + 1) * sizeof *addresses);
    for (size_t i = 0; i < value->n; i++)
        if (schema_text(d, value->items[i], &addresses[i]) != 0)
            return -1;
    host->addresses = addresses;
    host->n_addresses = value->n;
    return 0;
}

static bool encode_addresses(const void *record, struct doc_writer *w)
{
    const struct spec_host *host = record;
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < host->n_addresses; i++)
        doc_write_text(w, host->addresses[i]);
    doc_write_close(w, DOC_LIST);
    return true;
}

static const struct schema_field no_fields[] = {{0}};
const struct schema sandbox_pair_schema = {
    .name = "variable", .size = sizeof(struct spec_pair), .fields = no_fields,
    .key_offset = offsetof(struct spec_pair, key),
    .decode_short = decode_value, .encode_short = encode_value,
};
static const struct schema host_schema = {
    .name = "pinned host", .size = sizeof(struct spec_host), .fields = no_fields,
    .key_offset = offsetof(struct spec_host, name),
    .decode_short = decode_addresses, .encode_short = encode_addresses,
};

/* ---- a command ---- */

char *sandbox_exec_encode(const struct sandbox_exec *exec)
{
    struct buf text = {0};
    schema_encode_json(&sandbox_exec_schema, exec, &text);
    return buf_take(&text);
}

int sandbox_exec_decode(const char *text, struct arena *arena, struct sandbox_exec *out,
                        struct error *err)
{
    struct problems problems = {0};
    struct doc_node *root;
    void *exec;
    if (doc_parse_own(text, strlen(text), SPEC_BYTES_MAX, arena, &root, &problems) != 0 ||
        schema_decode(&sandbox_exec_schema, root, "", arena, &exec, &problems) != 0)
        return problems_first(&problems, ERROR_MALFORMED, err);
    *out = *(const struct sandbox_exec *)exec;
    return 0;
}

/* ---- the spec ---- */

static const struct schema_field inspectors_fields[] = {
    NEEDED(sandbox_inspectors, digest), NEEDED(sandbox_inspectors, base_dir),
    NEEDED(sandbox_inspectors, config), {0},
};
const struct schema sandbox_inspectors_schema = {
    .name = "inspectors message", .size = sizeof(struct sandbox_inspectors),
    .fields = inspectors_fields, .open = true,
};


#define ID(member) NUMBER(sandbox_spec, member, SCHEMA_U32, UINT32_MAX - 1)
static const struct schema_field spec_fields[] = {
    NEEDED(sandbox_spec, id),
    NEEDED(sandbox_spec, name),
    NEEDED(sandbox_spec, token),
    NEEDED(sandbox_spec, gateway),
    NEEDED(sandbox_spec, workdir),
    NEEDED(sandbox_spec, policy),
    NEEDED(sandbox_spec, hash),
    NEEDED(sandbox_spec, init),
    NEEDED(sandbox_spec, bwrap),
    NEEDED(sandbox_spec, lock),
    TEXT(sandbox_spec, log_level),
    TEXT(sandbox_spec, cgroups),
    TEXT(sandbox_spec, uses),
    TEXT(sandbox_spec, extra_ca),
    {.name = "inspectors", .kind = SCHEMA_STRUCT,
     .offset = offsetof(struct sandbox_spec, inspectors), .sub = &sandbox_inspectors_schema},
    FLAG(sandbox_spec, proxy),
    SETTINGS(sandbox_spec, settings.),
    {.name = "main", .kind = SCHEMA_STRUCT, .offset = offsetof(struct sandbox_spec, main),
     .sub = &sandbox_exec_schema},
    FLAG(sandbox_spec, main_waits),
    FLAG(sandbox_spec, inspect_when_needed),
    FLAG(sandbox_spec, log_json),
    ID(uid),
    ID(sub_uid),
    ID(sub_gid),
    NUMBER(sandbox_spec, revision, SCHEMA_I64, INT64_MAX),
    GRANTS(sandbox_spec),
    PAIRS(sandbox_spec, env),
    TEXTS(sandbox_spec, hidden, SCHEMA_KEEP),
    TEXTS(sandbox_spec, read_only, SCHEMA_KEEP),
    {.name = "hosts", .kind = SCHEMA_KEYED, .offset = offsetof(struct sandbox_spec, hosts),
     .count_offset = offsetof(struct sandbox_spec, n_hosts), .sub = &host_schema,
     .flags = SCHEMA_INLINE | SCHEMA_KEEP},
    {0},
};
static const struct schema spec_schema = {
    .name = "spec", .size = sizeof(struct sandbox_spec), .fields = spec_fields,
};

char *sandbox_spec_encode(const struct sandbox_spec *spec)
{
    struct buf text = {0};
    schema_encode_json(&spec_schema, spec, &text);
    return buf_take(&text);
}

int sandbox_spec_decode(const char *text, size_t len, struct arena *arena,
                        struct sandbox_spec *out, struct error *err)
{
    struct problems problems = {0};
    struct doc_node *root;
    void *spec;
    if (doc_parse_own(text, len, SPEC_BYTES_MAX, arena, &root, &problems) != 0)
        return problems_first(&problems, ERROR_MALFORMED, err);
    if (schema_decode(&spec_schema, root, "", arena, &spec, &problems) != 0) {
        problems_first(&problems, ERROR_MALFORMED, err);
        return error_prefix(err, "gateway and supervisor differ in version");
    }
    *out = *(const struct sandbox_spec *)spec;
    return 0;
}

int sandbox_spec_write(const struct sandbox_spec *spec, const char *path, struct error *err)
{
    char *text = sandbox_spec_encode(spec);
    char *next = alloc_printf("%s.new", path);
    unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : io_write_all(fd, text, strlen(text));
    if (fd >= 0)
        rc = close(fd) != 0 ? -1 : rc;
    if (rc == 0)
        rc = rename(next, path);
    if (rc != 0)
        error_errno(err, ERROR_IO, "cannot write %s", path);
    free(text);
    free(next);
    return rc;
}

static int read_all(int fd, struct buf *out)
{
    for (;;) {
        buf_reserve(out, 65536);
        ssize_t got = read(fd, out->data + out->len, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        out->len += (size_t)got;
        if (out->len > SPEC_BYTES_MAX) {
            errno = EFBIG;
            return -1;
        }
    }
}

int sandbox_spec_read(const char *path, struct arena *arena, struct sandbox_spec *out,
                      struct error *err)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 ? -1 : read_all(fd, &text);
    if (rc != 0)
        error_errno(err, ERROR_IO, "cannot read %s", path);
    else if ((rc = sandbox_spec_decode(buf_str(&text), text.len, arena, out, err)) != 0)
        error_prefix(err, "%s", path);
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    return rc;
}
