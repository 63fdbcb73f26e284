/* SPDX-License-Identifier: Apache-2.0 */
/* sluice gateway init-tls: an authority of one's own, and certificates for a gateway and a
 * client. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/ipaddr.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/new_file.h"
#include "net/issue.h"

enum { AUTHORITY_DAYS = 3650, LEAF_DAYS = 825, DAYS_MAX = 3650, HOSTS_MAX = 64, FILES = 6 };

struct pki {
    const struct cli *cli;
    const char *folder_name;
    int folder;
    const char *hosts[HOSTS_MAX];
    size_t n_hosts;
    const char *client;
    long days;
    struct arena *arena;
    EVP_PKEY *ca_key, *server_key, *client_key;
    X509 *ca, *server, *client_certificate;
};

static const char *const file_names[FILES] = {"ca.pem",     "ca.key",     "server.pem",
                                              "server.key", "client.pem", "client.key"};

/* ---- what is asked for ---- */

static int add_host(struct pki *p, const char *text, size_t len)
{
    char host[IPADDR_HOST_SIZE];
    if (p->n_hosts == HOSTS_MAX)
        return usage_error(p->cli, "--host: at most %d names", HOSTS_MAX);
    if (ipaddr_canonical_host(text, len, host) != 0)
        return usage_error(p->cli, "--host is a name or an IP address, not '%.*s'", (int)len, text);
    for (size_t i = 0; i < p->n_hosts; i++)
        if (strcmp(p->hosts[i], host) == 0)
            return -1;
    p->hosts[p->n_hosts++] = arena_str(p->arena, host);
    return -1;
}

static int add_hosts(struct pki *p, const char *list)
{
    int code = -1;
    while (code < 0) {
        size_t len = strcspn(list, ",");
        code = add_host(p, list, len);
        if (!list[len])
            break;
        list += len + 1;
    }
    return code;
}

static int default_hosts(struct pki *p)
{
    char name[256] = "";
    add_hosts(p, "localhost,127.0.0.1,::1");
    if (gethostname(name, sizeof name - 1) == 0 &&
        ipaddr_canonical_host(name, strlen(name), (char[IPADDR_HOST_SIZE]){0}) == 0)
        add_hosts(p, name);
    return -1;
}

static int read_options(struct pki *p)
{
    const struct cli *cli = p->cli;
    int code = -1;
    for (size_t i = 0; i < cli->n_args && code < 0; i++)
        if (strcmp(cli->args[i].name, "host") == 0)
            code = add_hosts(p, cli->args[i].value);
    if (code < 0 && !p->n_hosts)
        code = default_hosts(p);
    p->client = arg_given(cli, "client") ? arg_value(cli, "client") : "client";
    if (code < 0 && (!*p->client || strlen(p->client) > 64))
        code = usage_error(cli, "--client is a name of 1 to 64 bytes");
    if (code < 0 && arg_range(cli, "days", LEAF_DAYS, 1, DAYS_MAX, &p->days) != 0)
        code = EXIT_USAGE;
    return code;
}

/* ---- what is made ---- */

static X509 *issue(const struct pki *p, EVP_PKEY *key, const char *name, const char *usage)
{
    bool server = strcmp(usage, "serverAuth") == 0;
    return issue_certificate(&(struct issue){.issuer = p->ca,
                                             .issuer_key = p->ca_key,
                                             .key = key,
                                             .name = name,
                                             .hosts = server ? p->hosts : NULL,
                                             .n_hosts = server ? p->n_hosts : 0,
                                             .usage = usage,
                                             .days = p->days});
}

static bool make_all(struct pki *p)
{
    p->ca_key = issue_key();
    p->server_key = issue_key();
    p->client_key = issue_key();
    if (!p->ca_key || !p->server_key || !p->client_key)
        return false;
    p->ca = issue_authority(p->ca_key, "sluice gateway CA", AUTHORITY_DAYS);
    if (!p->ca)
        return false;
    p->server = issue(p, p->server_key, "sluice gateway", "serverAuth");
    p->client_certificate = issue(p, p->client_key, p->client, "clientAuth");
    return p->server && p->client_certificate;
}

static void free_all(struct pki *p)
{
    EVP_PKEY_free(p->ca_key);
    EVP_PKEY_free(p->server_key);
    EVP_PKEY_free(p->client_key);
    X509_free(p->ca);
    X509_free(p->server);
    X509_free(p->client_certificate);
    if (p->folder >= 0)
        close(p->folder);
    arena_free(p->arena);
}

/* ---- files ---- */

static int failed(const struct pki *p, const char *what, const char *name)
{
    complain("cannot %s %s%s%s: %s", what, p->folder_name, *name ? "/" : "", name, strerror(errno));
    return EXIT_REFUSED;
}

static int open_folder(struct pki *p)
{
    struct stat st;
    if (mkdir(p->folder_name, 0700) != 0 && errno != EEXIST)
        return failed(p, "make", "");
    p->folder = open(p->folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->folder < 0)
        return failed(p, "open", "");
    for (int i = 0; i < FILES; i++)
        if (fstatat(p->folder, file_names[i], &st, AT_SYMLINK_NOFOLLOW) == 0) {
            complain("%s/%s is there already: nothing is overwritten; name another folder, or "
                     "remove the old files",
                     p->folder_name, file_names[i]);
            return EXIT_REFUSED;
        }
    return -1;
}

static int write_pem(const struct pki *p, const char *name, X509 *certificate, EVP_PKEY *key)
{
    char *bytes;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = bio && (certificate ? PEM_write_bio_X509(bio, certificate)
                                  : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    long n = ok ? BIO_get_mem_data(bio, &bytes) : 0;
    ok = ok && new_file(p->folder, name, certificate ? 0644 : 0600, bytes, (size_t)n);
    int code = ok ? -1 : failed(p, "write", name);
    BIO_free(bio);
    return code;
}

/* All or none. */
static int write_all(const struct pki *p)
{
    X509 *const certificates[] = {p->ca, NULL, p->server, NULL, p->client_certificate, NULL};
    EVP_PKEY *const keys[] = {NULL, p->ca_key, NULL, p->server_key, NULL, p->client_key};
    int code = -1, n = 0;
    for (; n < FILES && code < 0; n++)
        code = write_pem(p, file_names[n], certificates[n], keys[n]);
    while (code >= 0 && --n > 0)
        unlinkat(p->folder, file_names[n - 1], 0);
    return code;
}

static int print_made(const struct pki *p)
{
    const struct cli *cli = p->cli;
    char *real = realpath(p->folder_name, NULL);
    const char *folder = real ? real : p->folder_name;
    if (cli->output != OUT_TABLE) {
        json_t *hosts = json_array(), *files = json_array();
        for (size_t i = 0; i < p->n_hosts; i++)
            json_array_append_new(hosts, json_string(p->hosts[i]));
        for (int i = 0; i < FILES; i++)
            json_array_append_new(files, json_string(file_names[i]));
        json_t *made = json_pack("{s:s, s:o, s:o, s:s}", "directory", folder, "files", files,
                                 "hosts", hosts, "client", p->client);
        print_json(cli, made);
        json_decref(made);
    } else {
        for (int i = 0; i < FILES; i++)
            terminal_print(stdout, "%s/%s\n", folder, file_names[i]);
    }
    say(cli, "the gateway's configuration:\n"
             "  listen:\n"
             "    - address: tcp:0.0.0.0:7443\n"
             "      tls: {certificate: %s/server.pem, key: %s/server.key, client_ca: %s/ca.pem}\n"
             "  auth:\n"
             "    certificates:                # viewer, user, approver, admin, or a role of "
             "auth.roles\n"
             "      - {subject: CN=%s, name: %s, role: user}\n"
             "clients: sluice gateway add NAME https://%s:7443 --ca ca.pem --cert client.pem --key "
             "client.key\n"
             "ca.key makes further certificates: keep it away from the gateway",
        folder, folder, folder, p->client, p->client, p->hosts[0]);
    free(real);
    return EXIT_DONE;
}

int cmd_gateway_init_tls(struct cli *cli)
{
    struct pki p = {.cli = cli, .folder = -1, .arena = arena_new()};
    int code = cli->n_operands ? read_options(&p) : usage_error(cli, "which folder? give DIR");
    if (code < 0) {
        p.folder_name = cli->operands[0];
        code = open_folder(&p);
    }
    if (code < 0 && !make_all(&p)) {
        complain("OpenSSL makes no certificates here");
        code = EXIT_REFUSED;
    }
    if (code < 0)
        code = write_all(&p);
    if (code < 0)
        code = print_made(&p);
    free_all(&p);
    return code;
}
