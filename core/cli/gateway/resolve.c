/* SPDX-License-Identifier: Apache-2.0 */
/* Which gateway a command asks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/connection/endpoint.h"
#include "cli/gateway/book.h"

static void use(struct cli *cli, const struct book_entry *e)
{
    cli->gateway = e->address;
    cli->ca = cli->ca || !*e->ca ? cli->ca : e->ca;
    if (!cli->cert && !cli->key && *e->cert) {
        cli->cert = e->cert;
        cli->key = e->key;
    }
}

static void use_local(struct cli *cli, const struct book *book)
{
    char *address = endpoint_default();
    cli->gateway = arena_str(book->arena, address);
    free(address);
}

static int unknown(const struct cli *cli, const char *name)
{
    return usage_error(cli,
                       "there is no gateway '%s': sluice gateway list shows those that have a "
                       "name, and an address is unix:PATH, http://HOST:PORT or https://HOST:PORT",
                       name);
}

static int check_readable(const char *path)
{
    if (!path || access(path, R_OK) == 0)
        return -1;
    complain("cannot read %s: %s", path, strerror(errno));
    return EXIT_USAGE;
}

/* Files say whom to trust and who asks: without TLS they would say nothing. */
int gateway_check_files(const struct cli *cli)
{
    if (!cli->ca && !cli->cert && !cli->key)
        return -1;
    if (strncmp(cli->gateway, "https://", 8) != 0)
        return usage_error(cli, "--ca, --cert and --key are for https:// gateways, not for %s",
                           cli->gateway);
    if (!cli->cert != !cli->key)
        return usage_error(cli, "--cert and --key belong together: a certificate and its key");
    const char *const files[] = {cli->ca, cli->cert, cli->key};
    int code = -1;
    for (size_t i = 0; i < sizeof files / sizeof *files && code < 0; i++)
        code = check_readable(files[i]);
    return code;
}

int gateway_resolve(struct cli *cli, struct book *book)
{
    bool named = cli->gateway && *cli->gateway;
    int code = -1;
    *book = (struct book){.lock = -1, .selected = ""};
    if (!named || book_name_is_good(cli->gateway)) {
        code = book_open(book, false);
        if (code >= 0)
            return code;
        const char *name = named ? cli->gateway : book->selected;
        const struct book_entry *e = book_find(book, name);
        if (e)
            use(cli, e);
        else if (*name)
            return unknown(cli, name);
        else
            use_local(cli, book);
    }
    code = endpoint_check(cli);
    return code < 0 ? gateway_check_files(cli) : code;
}
