/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/listen.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/address.h"

static int decode_address(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct gateway_listener *l = record;
    return schema_text(d, value, &l->address);
}

static int check_tls(struct schema_decoder *d, void *record)
{
    struct tls_files *files = record;
    if (files->client_ca && !*files->client_ca)
        files->client_ca = NULL;
    if (files->require_client_certificate && !files->client_ca)
        return schema_problem(d, NULL, "require_client_certificate needs client_ca: the file of "
                                       "the authorities whose certificates clients show");
    return 0;
}

static const struct schema_field tls_fields[] = {
    {"certificate", SCHEMA_TEXT, offsetof(struct tls_files, certificate),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "PEM file: the gateway's certificate, then those between it and its authority"},
    {"key", SCHEMA_TEXT, offsetof(struct tls_files, key),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .help = "PEM file of its private key"},
    {"client_ca", SCHEMA_TEXT, offsetof(struct tls_files, client_ca),
     .help = "PEM file of the authorities whose certificates clients may show"},
    {"require_client_certificate", SCHEMA_BOOL,
     offsetof(struct tls_files, require_client_certificate),
     .help = "Refuse clients that show none"},
    {0},
};
static const struct schema tls_schema = {
    .name = "tls", .size = sizeof(struct tls_files), .fields = tls_fields, .finish = check_tls};

static const struct schema_field fields[] = {
    {"address", SCHEMA_TEXT, offsetof(struct gateway_listener, address), .flags = SCHEMA_REQUIRED,
     .help = "unix:PATH or tcp:HOST:PORT"},
    {"tls", SCHEMA_STRUCT, offsetof(struct gateway_listener, tls), .sub = &tls_schema,
     .help = "TCP: encrypt, with this certificate"},
    {"insecure", SCHEMA_BOOL, offsetof(struct gateway_listener, insecure),
     .help = "Take tokens on a TCP address that is not loopback, without TLS"},
    {"trust_local_uids", SCHEMA_BOOL, offsetof(struct gateway_listener, trust_local_uids),
     .help = "TCP: know a process of this machine by its uid"},
    {"group", SCHEMA_TEXT, offsetof(struct gateway_listener, group), .flags = SCHEMA_NONEMPTY,
     .help = "Unix socket: a group whose members may connect, too"},
    {0},
};
const struct schema listener_schema = {.name = "listener",
                                       .size = sizeof(struct gateway_listener),
                                       .fields = fields,
                                       .decode_short = decode_address};

static bool is_tcp(const char *address)
{
    return strncmp(address, "tcp:", 4) == 0;
}

bool listener_is_unix(const struct gateway_listener *l)
{
    return strncmp(l->address, "unix:", 5) == 0;
}

/* Removes ",word" from the end of the address.  False: it does not end so. */
static bool take_word(char *address, const char *word)
{
    char *comma = strrchr(address, ',');
    if (!comma || strcmp(comma + 1, word) != 0)
        return false;
    *comma = '\0';
    return true;
}

struct gateway_listener *listener_from_flag(const char *text, struct arena *arena)
{
    struct gateway_listener *l = arena_zalloc(arena, sizeof *l);
    char *address = arena_str(arena, text);
    bool more = is_tcp(address);                    /* a comma may be part of a path */
    while (more) {
        bool insecure = take_word(address, "insecure"),
             trust = take_word(address, "trust_local_uids");
        l->insecure |= insecure;
        l->trust_local_uids |= trust;
        more = insecure || trust;
    }
    l->address = address;
    return l;
}

static const char *group_of(const struct gateway_listener *l)
{
    return l->group ? l->group : "";
}

static bool has_group(const struct gateway_listener *l)
{
    return *group_of(l);
}

static bool is_exposed(const struct gateway_listener *l)
{
    struct http_address address;
    return !l->tls && is_tcp(l->address) && http_address_parse(l->address, &address, NULL) == 0 &&
           !http_address_loopback((const struct sockaddr *)&address.ip);
}

void listener_check(const struct gateway_listener *l, bool from_flag, const char *path,
                    struct arena *arena, struct problems *problems)
{
    struct http_address address;
    struct error why;
    const char *example = arena_printf(arena, "{address: \"%s\", insecure: true}", l->address);
    if (http_address_parse(l->address, &address, &why) != 0)
        problems_add(problems, path, 0, 0, "%s", why.text);
    else if (address.kind == HTTP_TCP && !address.resolved)
        problems_add(problems, path, 0, 0, "%s names a host: listen on an IP address", l->address);
    else if (address.kind == HTTP_UNIX && (l->insecure || l->trust_local_uids || l->tls))
        problems_add(problems, path, 0, 0,
                     "tls, insecure and trust_local_uids are for tcp addresses: leave them out for "
                     "%s",
                     l->address);
    else if (l->tls && l->insecure)
        problems_add(problems, path, 0, 0,
                     "%s is encrypted by tls and not insecure: leave one of them out", l->address);
    else if (has_group(l) && !listener_is_unix(l))
        problems_add(problems, path, 0, 0, "group is for Unix sockets: leave it out for %s",
                     l->address);
    else if (has_group(l) && !getgrnam(l->group))
        problems_add(problems, path, 0, 0,
                     "there is no group '%s' on this machine: make it with addgroup, or leave "
                     "group out",
                     l->group);
    else if (is_exposed(l) && !l->insecure && !from_flag)
        problems_add(problems, path, 0, 0,
                     "other machines can reach %s, and tokens cross it in clear text: give it a "
                     "certificate (tls: {certificate: FILE, key: FILE}; 'sluice gateway init-tls "
                     "DIR' makes one), or write %s",
                     l->address, example);
}

static const char *below(const char *base_dir, const char *path, struct arena *arena)
{
    return !path || *path == '/' ? path : arena_printf(arena, "%s/%s", base_dir, path);
}

const struct gateway_listener *listener_below(const struct gateway_listener *l,
                                              const char *base_dir, struct arena *arena)
{
    struct gateway_listener *whole = arena_zalloc(arena, sizeof *whole);
    *whole = *l;
    if (listener_is_unix(l))
        whole->address = arena_printf(arena, "unix:%s", below(base_dir, l->address + 5, arena));
    if (l->tls) {
        struct tls_files *files = arena_zalloc(arena, sizeof *files);
        *files = *l->tls;
        files->certificate = below(base_dir, files->certificate, arena);
        files->key = below(base_dir, files->key, arena);
        files->client_ca = below(base_dir, files->client_ca, arena);
        whole->tls = files;
    }
    return whole;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool same_files(const struct tls_files *a, const struct tls_files *b)
{
    if (!a || !b)
        return !a && !b;
    return same_text(a->certificate, b->certificate) && same_text(a->key, b->key) &&
           same_text(a->client_ca, b->client_ca) &&
           a->require_client_certificate == b->require_client_certificate;
}

bool listener_same(const struct gateway_listener *a, const struct gateway_listener *b)
{
    return strcmp(a->address, b->address) == 0 && listener_flags(a) == listener_flags(b) &&
           a->insecure == b->insecure && same_files(a->tls, b->tls) &&
           strcmp(group_of(a), group_of(b)) == 0;
}

unsigned listener_flags(const struct gateway_listener *l)
{
    return (l->trust_local_uids ? HTTP_TRUST_LOCAL_UIDS : 0) |
           (is_exposed(l) && !l->insecure ? HTTP_NO_SECRETS : 0);
}

int listener_share(const struct gateway_listener *l, struct error *err)
{
    const struct group *group = has_group(l) ? getgrnam(l->group) : NULL;
    const char *path = l->address + strlen("unix:");
    if (!has_group(l))
        return 0;
    if (!group || chown(path, (uid_t)-1, group->gr_gid) != 0 || chmod(path, 0660) != 0)
        return error_errno(err, ERROR_IO, "cannot give the socket %s to the group %s", path,
                           l->group);
    return 0;
}

void listener_warn(const struct gateway_listener *l, const struct log *log)
{
    if (is_exposed(l) && l->insecure)
        log_warn(log,
                 "other machines can reach %s, which is insecure: whoever can read the traffic can "
                 "read the tokens in it",
                 l->address);
    else if (is_exposed(l))
        log_warn(log,
                 "other machines can reach %s, which is not encrypted: only /healthz, /readyz, "
                 "/openapi.json and /metrics are "
                 "answered there, and no token is taken; to take tokens in clear text: --listen "
                 "%s,insecure",
                 l->address, l->address);
}
