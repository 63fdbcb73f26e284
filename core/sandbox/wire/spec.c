/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/spec.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/io.h"
#include "sandbox/wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPEC_BYTES_MAX = 4 * 1024 * 1024 };

/* The members that are one text each: name, whether it must be there. */
#define SPEC_TEXTS(X)                                                                         \
    X(id, true) X(name, true) X(token, true) X(gateway, true) X(workdir, true) X(policy, true) \
    X(hash, true) X(init, true) X(bwrap, true) X(lock, true) X(log_level, false) \
    X(cgroups, false)

/* Everything else, so that an unknown member can be told. */
static const char *const other_members[] = {
    "proxy", "env", "uid", "revision", "hosts", "log_json", "hidden", "read_only",
    "sub_uid", "sub_gid", "resolve_denied",
};

static json_t *hosts_to_json(const struct sandbox_spec *spec)
{
    json_t *hosts = json_object();
    for (size_t i = 0; i < spec->n_hosts; i++)
        json_object_set_new(hosts, spec->hosts[i].name,
                            sandbox_json_of_texts(spec->hosts[i].addresses,
                                                  spec->hosts[i].n_addresses));
    return hosts;
}

char *sandbox_spec_encode(const struct sandbox_spec *spec)
{
    json_t *root = json_object();
#define X(member, required) json_object_set_new(root, #member, sandbox_json_of_text(spec->member));
    SPEC_TEXTS(X)
#undef X
    json_object_set_new(root, "proxy", json_boolean(spec->proxy));
    json_object_set_new(root, "resolve_denied", json_boolean(spec->resolve_denied));
    json_object_set_new(root, "log_json", json_boolean(spec->log_json));
    json_object_set_new(root, "uid", json_integer(spec->uid));
    json_object_set_new(root, "sub_uid", json_integer(spec->sub_uid));
    json_object_set_new(root, "sub_gid", json_integer(spec->sub_gid));
    json_object_set_new(root, "revision", json_integer((json_int_t)spec->revision));
    json_object_set_new(root, "env", sandbox_json_of_pairs(spec->env, spec->n_env));
    json_object_set_new(root, "hidden", sandbox_json_of_texts(spec->hidden, spec->n_hidden));
    json_object_set_new(root, "read_only",
                        sandbox_json_of_texts(spec->read_only, spec->n_read_only));
    json_object_set_new(root, "hosts", hosts_to_json(spec));
    char *text = json_dumps(root, JSON_INDENT(1));
    char *copy = alloc_str(text);
    free(text);
    json_decref(root);
    return copy;
}

static int read_hosts(const struct json_reader *r, struct sandbox_spec *out)
{
    json_t *hosts = json_object_get(r->object, "hosts");
    struct json_reader inner = {hosts, r->arena, r->err};
    const char *name;
    json_t *addresses;
    if (!hosts)
        return 0;
    if (!json_is_object(hosts))
        return error_set(r->err, ERROR_MALFORMED, "hosts must be an object of address lists");
    out->hosts = arena_zalloc(r->arena, (json_object_size(hosts) + 1) * sizeof *out->hosts);
    json_object_foreach(hosts, name, addresses) {
        struct spec_host *host = &out->hosts[out->n_hosts++];
        host->name = arena_str(r->arena, name);
        if (sandbox_json_texts(&inner, name, &host->addresses, &host->n_addresses) != 0)
            return -1;
    }
    return 0;
}

static int read_texts(const struct json_reader *r, struct sandbox_spec *out)
{
#define X(member, required)                                                       \
    if ((required ? sandbox_json_text(r, #member, &out->member)                   \
                  : sandbox_json_optional_text(r, #member, &out->member)) != 0)   \
        return -1;
    SPEC_TEXTS(X)
#undef X
    return 0;
}

static int read_members(const struct json_reader *r, struct sandbox_spec *out)
{
    uint64_t uid = 0, sub_uid = 0, sub_gid = 0;
    if (read_texts(r, out) != 0 ||
        sandbox_json_flag(r, "proxy", &out->proxy) != 0 ||
        sandbox_json_flag(r, "resolve_denied", &out->resolve_denied) != 0 ||
        sandbox_json_flag(r, "log_json", &out->log_json) != 0 ||
        sandbox_json_number(r, "uid", UINT32_MAX - 1, &uid) != 0 ||
        sandbox_json_number(r, "sub_uid", UINT32_MAX - 1, &sub_uid) != 0 ||
        sandbox_json_number(r, "sub_gid", UINT32_MAX - 1, &sub_gid) != 0 ||
        sandbox_json_number(r, "revision", INT64_MAX, &out->revision) != 0 ||
        sandbox_json_pairs(r, "env", &out->env, &out->n_env) != 0 ||
        sandbox_json_texts(r, "hidden", &out->hidden, &out->n_hidden) != 0 ||
        sandbox_json_texts(r, "read_only", &out->read_only, &out->n_read_only) != 0)
        return -1;
    out->uid = (uint32_t)uid;
    out->sub_uid = (uint32_t)sub_uid;
    out->sub_gid = (uint32_t)sub_gid;
    return read_hosts(r, out);
}

static bool known_member(const char *name)
{
#define X(member, required)          \
    if (strcmp(name, #member) == 0) \
        return true;
    SPEC_TEXTS(X)
#undef X
    for (size_t i = 0; i < sizeof other_members / sizeof *other_members; i++)
        if (strcmp(name, other_members[i]) == 0)
            return true;
    return false;
}

static int check_members(const struct json_reader *r)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)r->object, name, value)
        if (!known_member(name))
            return error_set(r->err, ERROR_MALFORMED,
                             "unknown member %s: gateway and supervisor differ in version", name);
    return 0;
}

int sandbox_spec_decode(const char *text, size_t len, struct arena *arena,
                        struct sandbox_spec *out, struct error *err)
{
    json_error_t where;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    struct json_reader r = {root, arena, err};
    *out = (struct sandbox_spec){0};
    int rc;
    if (!root)
        rc = error_set(err, ERROR_MALFORMED, "line %d: %s", where.line, where.text);
    else if (!json_is_object(root))
        rc = error_set(err, ERROR_MALFORMED, "a JSON object is expected");
    else
        rc = check_members(&r) == 0 ? read_members(&r, out) : -1;
    json_decref(root);
    return rc;
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
