/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/ssh.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/base64.h"
#include "base/error.h"
#include "sandbox/container/container.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/supervisor/process/attach_program.h"
#include "sandbox/wire/spec.h"

/* sshd_config(5).  Files that the workload may write decide nothing: no rc file, no environment
 * file, no authorized keys.  Forwarding leads to the sandbox's own loopback only, and never from
 * the sandbox to the client's machine. */
static const char *const options[] = {
    ("HostKey " SANDBOX_SSH_KEY_FILE),
    "LogLevel FATAL",
    "UsePAM no",
    "PubkeyAuthentication no",
    "KbdInteractiveAuthentication no",
    "PasswordAuthentication yes",
    "PermitEmptyPasswords yes",
    "LoginGraceTime 120",
    "PermitUserEnvironment no",
    "PermitUserRC no",
    "PrintMotd no",
    "PrintLastLog no",
    "UseDNS no",
    "MaxSessions 64",
    "AllowTcpForwarding local",
    "PermitOpen 127.0.0.1:* localhost:* [::1]:*",
    "GatewayPorts no",
    "AllowStreamLocalForwarding no",
    "AllowAgentForwarding no",
    "X11Forwarding no",
    "PermitTunnel no",
    "AcceptEnv OPENSHELL_MAIN_READ_ONLY",
    "Subsystem sftp internal-sftp",
};

static void add_string(struct buf *blob, const void *bytes, size_t len)
{
    const uint8_t head[] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    buf_add(blob, head, sizeof head);
    buf_add(blob, bytes, len);
}

/* "SHA256:" and base64 without padding of the digest of the public key as SSH sends it (RFC 5656,
 * 3.1). */
static bool tell_fingerprint(EVP_PKEY *key, char out[SSH_FINGERPRINT_SIZE])
{
    static const char type[] = "ecdsa-sha2-nistp256", curve[] = "nistp256";
    uint8_t point[128], digest[32];
    size_t len = 0;
    struct buf blob = {0}, text = {0};
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) !=
        1)
        return false;
    add_string(&blob, type, sizeof type - 1);
    add_string(&blob, curve, sizeof curve - 1);
    add_string(&blob, point, len);
    bool made = EVP_Digest(blob.data, blob.len, digest, NULL, EVP_sha256(), NULL) == 1;
    base64_encode(digest, sizeof digest, &text);
    snprintf(out, SSH_FINGERPRINT_SIZE, "SHA256:%.*s", (int)strcspn(buf_str(&text), "="),
             buf_str(&text));
    buf_free(&text);
    buf_free(&blob);
    return made;
}

static int make_key(struct ssh_files *out, struct error *err)
{
    char *bytes = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    bool made = key && bio &&
                PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                tell_fingerprint(key, out->fingerprint);
    long len = made ? BIO_get_mem_data(bio, &bytes) : 0;
    buf_add(&out->key, bytes, (size_t)len);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return made ? 0 : error_set(err, ERROR_INTERNAL, "cannot make the sandbox's SSH host key");
}

int sandbox_ssh_make_files(struct ssh_files *out, const struct sandbox_exec *main,
                           struct container_files *files, struct error *err)
{
    if (make_key(out, err) != 0)
        return -1;
    size_t n = files->n;
    out->items = alloc_zero(n + 2, sizeof *out->items);
    if (n)
        memcpy(out->items, files->items, n * sizeof *out->items);
    out->items[n++] = (struct own_file){.path = SANDBOX_SSH_KEY_FILE, .bytes = out->key.data,
                                        .size = out->key.len, .owner_only = true};
    if (main)
        out->items[n++] = (struct own_file){.path = SANDBOX_ATTACH_FILE,
                                            .bytes = sandbox_attach_program,
                                            .size = sandbox_attach_program_size,
                                            .program = true};
    *files = (struct container_files){out->items, n};
    return 0;
}

void sandbox_ssh_free_files(struct ssh_files *files)
{
    if (files->key.len)
        OPENSSL_cleanse(files->key.data, files->key.len);
    buf_free(&files->key);
    free(files->items);
}

/* sshd splits the line into words; in quotes, a backslash keeps a quote or a backslash. */
static void add_quoted(struct buf *line, const char *text)
{
    buf_puts(line, " \"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\'' || *text == '\\')
            buf_putc(line, '\\');
        buf_putc(line, *text);
    }
    buf_putc(line, '"');
}

/* One line, because sshd ignores a second one. */
static const char *set_env(const char *const *env, size_t n, struct arena *arena)
{
    struct buf line = {0};
    buf_puts(&line, "SetEnv");
    for (size_t i = 0; i < n; i++)
        if (strncmp(env[i], "TERM=", 5) != 0)
            add_quoted(&line, env[i]);
    const char *text = arena_str(arena, buf_str(&line));
    buf_free(&line);
    return text;
}

static const char *main_subsystem(const struct sandbox_exec *main)
{
    return !main ? "Subsystem openshell-main /bin/bash -l"
           : main->tty ? "Subsystem openshell-main " SANDBOX_ATTACH_FILE " tty"
                       : "Subsystem openshell-main " SANDBOX_ATTACH_FILE " pipe";
}

const char *const *sandbox_ssh_command(const char *const *env, size_t n_env,
                                       const struct sandbox_exec *main, struct arena *arena,
                                       size_t *n)
{
    static const char *const first[] = {SANDBOX_SSH_SERVER, "-i", "-e", "-f", "none"};
    enum { FIRST = sizeof first / sizeof *first, OPTIONS = sizeof options / sizeof *options };
    const char **argv = arena_zalloc(arena, (FIRST + 2 * (OPTIONS + 2) + 1) * sizeof *argv);
    size_t at = 0;
    for (size_t i = 0; i < FIRST; i++)
        argv[at++] = first[i];
    for (size_t i = 0; i < OPTIONS + 2; i++) {
        argv[at++] = "-o";
        argv[at++] = i < OPTIONS    ? options[i]
                     : i == OPTIONS ? main_subsystem(main)
                                    : set_env(env, n_env, arena);
    }
    *n = at;
    return argv;
}
