/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of TLS listeners: read at the start, and again on a reload. */
#include <stdlib.h>

#include "base/alloc.h"
#include "gateway/gateway_parts.h"
#include "net/tls_server.h"

/* NULL in out: it has none. */
static int read_files(const struct gateway_listener *l, struct tls_server **out, struct error *err)
{
    *out = l->tls ? tls_server_new(l->tls, err) : NULL;
    return l->tls && !*out ? error_prefix(err, "cannot listen on %s", l->address) : 0;
}

int gateway_open_tls(struct gateway *g, struct error *err)
{
    int rc = 0;
    g->tls = alloc_zero(g->config.n_listen + 1, sizeof *g->tls);
    for (size_t i = 0; rc == 0 && i < g->config.n_listen; i++)
        rc = read_files(g->config.listen[i], &g->tls[i], err);
    return rc;
}

int gateway_check_tls(const struct gateway_config *config, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < config->n_listen; i++) {
        struct tls_server *tls;
        rc = read_files(config->listen[i], &tls, err);
        tls_server_free(tls);
    }
    return rc;
}

void gateway_reload_tls(struct gateway *g)
{
    struct error err;
    for (size_t i = 0; i < g->config.n_listen; i++) {
        const struct gateway_listener *l = g->config.listen[i];
        if (!l->tls)
            continue;
        if (tls_server_load(g->tls[i], l->tls, &err) == 0)
            log_info(g->log, "%s has read its certificate again", l->address);
        else
            log_error(g->log, "the certificate of %s stays as it was: %s", l->address, err.text);
    }
}

void gateway_free_tls(struct gateway *g)
{
    for (size_t i = 0; g->tls && i < g->config.n_listen; i++)
        tls_server_free(g->tls[i]);
    free(g->tls);
}
