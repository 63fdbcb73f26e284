/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it, and may they?  Asked for every request before its body is read.
 *
 * On a Unix socket and on loopback TCP the peer's uid is the identity: the gateway's own uid and
 * root are admins, others are users; one in another user namespace, such as a sandbox's workload,
 * is nobody by its uid.  A bearer token is the admin token, whose bearer acts as the gateway's own
 * user, that of a person whom the configuration names, or that of a sandbox's supervisor, which may
 * do exactly what API_SUPERVISOR routes offer.  A name is one person, whichever way they come: who
 * asked for a held update cannot approve it through another door. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "api/call.h"
#include "api/parameters.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "http/peer.h"

static void set_actor(struct api_actor *a, const char *role, const char *via)
{
    a->actor = (struct sluice_actor){sizeof a->actor, a->name, role, via};
}

static const char *via_word(const struct http_request *req)
{
    return req->peer->kind == HTTP_UNIX ? "unix" : "tcp";
}

static bool same_digest(const char *token, const char *hash)
{
    char mine[DIGEST_HEX_SIZE];
    digest_of(token, strlen(token), mine);
    return hash && CRYPTO_memcmp(mine, hash, DIGEST_HEX_SIZE) == 0;
}

/* Reads files or asks a directory service, so not on the loop thread. */
void api_name_actor(struct api_actor *a)
{
    char space[16384];
    struct passwd entry, *found = NULL;
    if (*a->name)
        return;
    if (getpwuid_r(a->uid, &entry, space, sizeof space, &found) == 0 && found)
        snprintf(a->name, sizeof a->name, "%s", found->pw_name);
    else
        snprintf(a->name, sizeof a->name, "uid:%u", (unsigned)a->uid);
}

static const struct api_token *named_token(const struct api *api, const char *token)
{
    for (size_t i = 0; i < api->n_tokens; i++)
        if (same_digest(token, api->tokens[i]->sha256))
            return api->tokens[i];
    return NULL;
}

static bool by_token(struct api *api, const struct http_request *req, const char *token,
                     struct api_actor *a)
{
    if (same_digest(token, api->admin_token_hash)) {
        a->uid = geteuid();
        set_actor(a, "admin", via_word(req));
        return true;
    }
    const struct api_token *named = named_token(api, token);
    if (named) {
        snprintf(a->name, sizeof a->name, "%s", named->name);
        set_actor(a, named->role, via_word(req));
        return true;
    }
    const char *sandbox = api->sandboxes->by_token(api->sandboxes_ctx, token);
    if (!sandbox)
        return false;
    snprintf(a->sandbox_id, sizeof a->sandbox_id, "%s", sandbox);
    snprintf(a->name, sizeof a->name, "sandbox:%s", sandbox);
    set_actor(a, "sandbox", "gateway");
    return true;
}

static bool by_uid(const struct http_request *req, struct api_actor *a)
{
    if (!http_peer_uid(req->peer, &a->uid))
        return false;
    set_actor(a, a->uid == 0 || a->uid == geteuid() ? "admin" : "user", via_word(req));
    return true;
}

/* A page in somebody's browser reaches a loopback port under a name of its own: only names of this
 * machine are answered there. */
static bool host_is_local(const struct http_request *req)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = http_request_header(req, "Host");
    for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return false;
}

/* Browsers say which page a request comes from.  A page from elsewhere may reach this port, and
 * even send without asking first, but it must not act for the user whose browser shows it. */
static bool from_foreign_page(const struct http_request *req)
{
    const char *origin = http_request_header(req, "Origin"), *host = http_request_header(req, "Host");
    const char *of = origin ? strstr(origin, "://") : NULL;
    return origin && (!of || !host || strcasecmp(of + 3, host) != 0);
}

static const char *bearer(const struct http_request *req)
{
    const char *value = http_request_header(req, "Authorization");
    return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 + strspn(value + 7, " ") : NULL;
}

static bool identify(struct api *api, const struct http_request *req, struct api_actor *a)
{
    const char *token = bearer(req);
    if (token)
        return by_token(api, req, token, a);
    if (req->peer->kind != HTTP_UNIX && !host_is_local(req))
        return false;
    return by_uid(req, a);
}

static bool may(enum api_right right, const char *role)
{
    switch (right) {
    case API_OPEN:
        return true;
    case API_READ:
        return strcmp(role, "admin") == 0 || strcmp(role, "user") == 0;
    case API_ADMIN:
        return strcmp(role, "admin") == 0;
    default:
        return strcmp(role, "sandbox") == 0;
    }
}

static const char *why_not(enum api_right right, const char *role)
{
    if (strcmp(role, "sandbox") == 0)
        return "a sandbox may not do this: it only has its own stream";
    if (right == API_SUPERVISOR)
        return "only the supervisor of a sandbox may do this";
    return "only an admin may do this: the gateway's own user, root, or a token of an admin";
}

static int refuse(struct http_request *req, enum error_kind kind, const char *why)
{
    struct error err;
    error_set(&err, kind, "%s", why);
    http_respond_error(req, &err);
    return -1;
}

static int refuse_to_know(struct http_request *req, const char *why)
{
    http_header(req, "WWW-Authenticate", "Bearer");
    return refuse(req, ERROR_UNAUTHORIZED, why);
}

/* Who sends one means to be known by it: the peer's uid does not stand in for one that is not understood. */
static int check_authorization(struct http_request *req)
{
    size_t n = http_head_count(req->head, "Authorization");
    if (n > 1)
        return refuse(req, ERROR_MALFORMED, "header field Authorization is given twice: which one counts?");
    if (n && !bearer(req))
        return refuse_to_know(req, "the only Authorization understood is 'Bearer TOKEN': send that, or none to be known by your uid");
    return 0;
}

static int refuse_unknown(struct http_request *req, enum api_right right)
{
    if (right == API_SUPERVISOR && bearer(req))     /* one whose sandbox was deleted ends when it hears this */
        return refuse(req, ERROR_GONE, "no sandbox of this gateway has this token");
    return refuse_to_know(req, req->peer->apart
                                   ? "who is asking is not known: the uid of a process in another user namespace, such as "
                                     "a sandbox, says nothing: send a token (sluice --token, SLUICE_TOKEN)"
                                   : "who is asking is not known: send a token (sluice --token, SLUICE_TOKEN), "
                                     "or connect through the gateway's Unix socket");
}

int api_authenticate(struct http_request *req, void *ctx)
{
    struct api *api = ctx;
    const struct api_route *route = req->route->doc;
    if (api->draining && strcmp(req->route->method, "GET") != 0)
        return refuse(req, ERROR_DRAINING, "the gateway is stopping: try again when it is back");
    if (route->right == API_OPEN)
        return api_check_parameters(req, route->takes);
    if (check_authorization(req) != 0)
        return -1;
    if (!bearer(req) && from_foreign_page(req))
        return refuse(req, ERROR_FORBIDDEN, "a web page from elsewhere may not act for its reader: send a token");
    struct api_actor *a = alloc_zero(1, sizeof *a);
    if (!identify(api, req, a)) {
        free(a);
        return refuse_unknown(req, route->right);
    }
    req->user = a;
    req->free_user = free;
    if (!may(route->right, a->actor.role))
        return refuse(req, ERROR_FORBIDDEN, why_not(route->right, a->actor.role));
    return api_check_parameters(req, route->takes);
}
