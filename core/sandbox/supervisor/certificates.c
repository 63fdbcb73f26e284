/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/certificates.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "egress/inspect/authority.h"
#include "egress/inspect/trust.h"
#include "sandbox/supervisor/java_store.h"

#define FOLDER "/etc/ssl/certs"
#define JAVA_STORE FOLDER "/java/cacerts"

enum { EXTRA_LINKS_MAX = 256, SAME_HASH_MAX = 64 };

/* The first is there whatever the host has; the others where it has them. */
static const char *const bundles[] = {
    FOLDER "/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

static void add(struct certificates *c, const struct own_file *file)
{
    c->files[c->n_files++] = *file;
}

static void add_authority(struct certificates *c)
{
    const char *pem = egress_authority_pem(c->authority);
    add(c, &(struct own_file){.path = SANDBOX_CA_FILE, .bytes = pem, .size = strlen(pem)});
}

static void add_bundle(struct certificates *c)
{
    const char *pem = egress_authority_pem(c->authority);
    const struct buf *roots = egress_trust_pem(c->trust);
    size_t len = strlen(pem);
    char *text = arena_alloc(c->arena, roots->len + len);
    if (roots->len)
        memcpy(text, roots->data, roots->len);
    memcpy(text + roots->len, pem, len);
    add(c,
        &(struct own_file){.path = SANDBOX_BUNDLE_FILE, .bytes = text, .size = roots->len + len});
}

/* Java runtimes of Debian have their roots there, and read no variable. */
static void add_java_store(struct certificates *c, const struct own_file *bundle)
{
    if (access(JAVA_STORE, F_OK) != 0)
        return;
    sandbox_java_store(bundle->bytes, bundle->size, &c->java_store);
    add(c, &(struct own_file){
               .path = JAVA_STORE, .bytes = c->java_store.data, .size = c->java_store.len});
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void link_bundles(struct certificates *c)
{
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        if (i == 0 || exists(bundles[i]))
            add(c, &(struct own_file){.path = bundles[i], .link = SANDBOX_BUNDLE_FILE});
}

static bool is_taken(const struct certificates *c, const char *path)
{
    for (size_t i = 0; i < c->n_files; i++)
        if (strcmp(c->files[i].path, path) == 0)
            return true;
    return exists(path);
}

/* OpenSSL looks in the folder of certificates for HASH.0, HASH.1 and so on. */
static void link_hash(struct certificates *c, unsigned long hash, const char *file)
{
    for (int i = 0; i < SAME_HASH_MAX; i++) {
        const char *path = arena_printf(c->arena, FOLDER "/%08lx.%d", hash, i);
        if (is_taken(c, path))
            continue;
        add(c, &(struct own_file){.path = path, .link = file});
        return;
    }
}

static void make_files(struct certificates *c)
{
    enum { FIXED = 4 + sizeof bundles / sizeof *bundles };
    size_t n;
    const unsigned long *extra = egress_trust_extra(c->trust, &n);
    n = n < EXTRA_LINKS_MAX ? n : EXTRA_LINKS_MAX;
    c->files = arena_zalloc(c->arena, (FIXED + n) * sizeof *c->files);
    add_authority(c);
    add_bundle(c);
    add_java_store(c, &c->files[c->n_files - 1]);
    link_bundles(c);
    link_hash(c, egress_authority_hash(c->authority), SANDBOX_CA_FILE);
    for (size_t i = 0; i < n; i++)
        link_hash(c, extra[i], SANDBOX_BUNDLE_FILE);
}

int sandbox_certificates_make(const char *extra_ca, struct certificates *out, struct error *err)
{
    *out = (struct certificates){.arena = arena_new()};
    out->trust = egress_trust_new(extra_ca ? extra_ca : "", err);
    out->authority = out->trust ? egress_authority_new(err) : NULL;
    if (out->authority) {
        make_files(out);
        return 0;
    }
    sandbox_certificates_free(out);
    return -1;
}

void sandbox_certificates_free(struct certificates *c)
{
    egress_authority_free(c->authority);
    egress_trust_free(c->trust);
    buf_free(&c->java_store);
    if (c->arena)
        arena_free(c->arena);
    *c = (struct certificates){0};
}
