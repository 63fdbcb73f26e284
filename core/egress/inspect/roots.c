/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

enum { PEM_MAX = 4 * 1024 * 1024, CHUNK = 64 * 1024 };

struct root {
    unsigned long hash;                             /* of its subject */
    size_t at;                                      /* of its block in the text */
};

struct egress_roots {
    struct buf pem;
    unsigned long extra[EGRESS_EXTRA_MAX];
    size_t n_extra;
    struct root *index;                             /* NULL until a subject is looked for */
    size_t n_index;
    X509_LOOKUP_METHOD *method;
};

static const char *const system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

/* ---- the text ---- */

static int read_file(const char *path, struct buf *out)
{
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    do {
        out->len += (size_t)n;
        buf_reserve(out, CHUNK);
        n = read(fd, out->data + out->len, CHUNK);
    } while (n > 0 && out->len < PEM_MAX);
    out->data[out->len] = '\0';
    close(fd);
    return n < 0 ? -1 : 0;
}

static const char *next_block(const char *text, const char *end)
{
    static const char begin[] = "-----BEGIN ";
    return text < end ? memmem(text, (size_t)(end - text), begin, sizeof begin - 1) : NULL;
}

/* The certificate of a block, or NULL: it is something else. */
static X509 *read_certificate(const char *block, const char *end)
{
    const char *next = next_block(block + 1, end);
    BIO *bio = BIO_new_mem_buf(block, (int)((next ? next : end) - block));
    X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

/* The next element: entered, or passed over. */
static bool step(const unsigned char **at, const unsigned char *end, bool enter)
{
    long len;
    int tag, class;
    if (*at >= end || (ASN1_get_object(at, &len, &tag, &class, end - *at) & 0x80))
        return false;
    if (!enter)
        *at += len;
    return true;
}

/* The subject in a certificate (RFC 5280, 4.1), without a look at the rest. */
static X509_NAME *read_subject(const unsigned char *der, size_t len)
{
    enum { VERSION = 0xa0, BEFORE = 4 };            /* serial, algorithm, issuer, validity */
    const unsigned char *at = der, *end = der + len;
    if (!step(&at, end, true) || !step(&at, end, true))
        return NULL;
    if (at < end && *at == VERSION && !step(&at, end, false))
        return NULL;
    for (int i = 0; i < BEFORE; i++)
        if (!step(&at, end, false))
            return NULL;
    return at < end ? d2i_X509_NAME(NULL, &at, end - at) : NULL;
}

static X509_NAME *block_subject(const char *block, const char *end)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len;
    X509_NAME *subject = NULL;
    BIO *bio = BIO_new_mem_buf(block, (int)(end - block));
    if (bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
        if (strstr(name, "CERTIFICATE"))
            subject = read_subject(der, (size_t)len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    ERR_clear_error();
    return subject;
}

/* Without a look at its key, which would take OpenSSL 2 ms when it is the first one. */
static bool has_certificate(const struct buf *text)
{
    const char *end = text->data + text->len;
    X509_NAME *found = NULL;
    for (const char *at = text->data; !found && (at = next_block(at, end)); at++) {
        const char *next = next_block(at + 1, end);
        found = block_subject(at, next ? next : end);
    }
    X509_NAME_free(found);
    return found != NULL;
}

/* The text is empty afterwards. */
static void take_text(struct egress_roots *roots, struct buf *text)
{
    if (text->data[text->len - 1] != '\n')
        buf_putc(text, '\n');
    if (roots->pem.len) {
        buf_add(&roots->pem, text->data, text->len);
        buf_clear(text);
    } else {
        buf_free(&roots->pem);
        roots->pem = *text;
        *text = (struct buf){0};
    }
}

static void read_system(struct egress_roots *roots)
{
    struct buf text = {0};
    for (size_t i = 0; !roots->pem.len && i < sizeof system_bundles / sizeof *system_bundles; i++) {
        buf_clear(&text);
        if (read_file(system_bundles[i], &text) == 0 && has_certificate(&text))
            take_text(roots, &text);
    }
    buf_free(&text);
}

static void note_extra(struct egress_roots *roots, const struct buf *text)
{
    const char *end = text->data + text->len;
    for (const char *at = text->data; (at = next_block(at, end)); at++) {
        X509 *certificate = read_certificate(at, end);
        if (certificate && roots->n_extra < EGRESS_EXTRA_MAX)
            roots->extra[roots->n_extra++] = X509_subject_name_hash(certificate);
        X509_free(certificate);
    }
}

static int read_extra(struct egress_roots *roots, const char *path, struct error *err)
{
    struct buf text = {0};
    int rc = 0;
    if (read_file(path, &text) != 0)
        rc = error_errno(err, ERROR_MALFORMED, "egress.extra_ca: %s cannot be read", path);
    else if (text.len)
        note_extra(roots, &text);
    if (rc == 0 && !roots->n_extra)
        rc = error_set(err, ERROR_MALFORMED, "egress.extra_ca: %s has no certificate in PEM", path);
    if (rc == 0)
        take_text(roots, &text);
    buf_free(&text);
    return rc;
}

struct egress_roots *egress_roots_read(const char *extra_ca, struct error *err)
{
    struct egress_roots *roots = alloc_zero(1, sizeof *roots);
    read_system(roots);
    if (!*extra_ca || read_extra(roots, extra_ca, err) == 0)
        return roots;
    egress_roots_free(roots);
    return NULL;
}

void egress_roots_free(struct egress_roots *roots)
{
    if (!roots)
        return;
    X509_LOOKUP_meth_free(roots->method);
    buf_free(&roots->pem);
    free(roots->index);
    free(roots);
}

const struct buf *egress_roots_pem(const struct egress_roots *roots)
{
    return &roots->pem;
}

const unsigned long *egress_roots_extra(const struct egress_roots *roots, size_t *n)
{
    *n = roots->n_extra;
    return roots->extra;
}

/* ---- the index ---- */

static void make_index(struct egress_roots *roots)
{
    const char *end = roots->pem.data + roots->pem.len;
    for (const char *at = roots->pem.data; (at = next_block(at, end)); at++) {
        const char *next = next_block(at + 1, end);
        X509_NAME *subject = block_subject(at, next ? next : end);
        if (!subject)
            continue;
        roots->index = alloc_resize(roots->index, roots->n_index + 1, sizeof *roots->index);
        roots->index[roots->n_index++] = (struct root){X509_NAME_hash_ex(subject, NULL, NULL, NULL),
                                                       (size_t)(at - roots->pem.data)};
        X509_NAME_free(subject);
    }
}

static void load_root(const struct egress_roots *roots, size_t at, X509_STORE *store)
{
    X509 *root = read_certificate(roots->pem.data + at, roots->pem.data + roots->pem.len);
    if (root)
        X509_STORE_add_cert(store, root);
    X509_free(root);
}

/* OpenSSL asks for a subject that the store does not have yet.  What is handed out is the store's
 * reference, as by OpenSSL's own lookups: the caller takes one. */
static int find_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *subject,
                        X509_OBJECT *out)
{
    struct egress_roots *roots = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    unsigned long hash = X509_NAME_hash_ex(subject, NULL, NULL, NULL);
    if (type != X509_LU_X509)
        return 0;
    if (!roots->index)
        make_index(roots);
    for (size_t i = 0; i < roots->n_index; i++)
        if (roots->index[i].hash == hash)
            load_root(roots, roots->index[i].at, store);
    X509_OBJECT *found =
        X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, subject);
    if (!found || X509_OBJECT_set1_X509(out, X509_OBJECT_get0_X509(found)) != 1)
        return 0;
    X509_free(X509_OBJECT_get0_X509(found));
    return 1;
}

X509_STORE *egress_roots_store(struct egress_roots *roots)
{
    X509_STORE *store = X509_STORE_new();
    X509_LOOKUP *lookup = NULL;
    if (!roots->method)
        roots->method = X509_LOOKUP_meth_new("roots in PEM");
    if (store && roots->method &&
        X509_LOOKUP_meth_set_get_by_subject(roots->method, find_subject) == 1)
        lookup = X509_STORE_add_lookup(store, roots->method);
    if (lookup && X509_LOOKUP_set_method_data(lookup, roots) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}
