/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it, and may they?  Asked for every request before its body is read.
 *
 * On a Unix socket, and on a TCP listener that trusts local uids, the peer's uid is the identity: the
 * gateway's own uid and root are admins, others are users.  A process in another user namespace, such as
 * a sandbox's workload, is nobody by its uid, and so is whoever sends a request through a proxy.  A
 * bearer token is the admin token, whose bearer acts as the gateway's own user, that of a person whom the
 * configuration names, or that of a sandbox's supervisor, which may do exactly what API_SUPERVISOR routes
 * offer.  A name is one person, whichever way they come: who asked for a held update cannot approve it
 * through another door. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "api/call.h"
#include "api/origin.h"
#include "api/parameters.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/token.h"
#include "http/peer.h"

static void set_actor(struct api_actor *a, const char *role, const char *via)
{
    a->actor = (struct sluice_actor){sizeof a->actor, a->name, role, via};
}

enum known { KNOWN_NOT, KNOWN, KNOWN_LATER };

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

/* Every entry is compared, so that the time tells nothing of which one it was. */
static const struct api_token *named_token(const struct api *api, const char *token)
{
    const struct api_token *found = NULL;
    for (size_t i = 0; i < api->n_tokens; i++)
        if (same_digest(token, api->tokens[i]->sha256))
            found = api->tokens[i];
    return found;
}

/* Who reads the digest of a secret that somebody made up finds the secret by trying. */
static void warn_of_weak(struct api *api, const struct api_token *named)
{
    size_t i = 0;
    while (i < 63 && api->tokens[i] != named)
        i++;
    if (api->weak_told & UINT64_C(1) << i)
        return;
    api->weak_told |= UINT64_C(1) << i;
    log_warn(api->log, "the token of %s was not made by 'sluice token create': whoever reads its digest in the configuration may "
             "guess it; replace it", named->name);
}

/* Of a person whom the configuration names.  A secret that may be a guess is looked at as long as few
 * from there were wrong. */
static enum known by_named_token(struct api *api, const struct http_request *req, const char *token, struct api_actor *a)
{
    bool random = token_is_random(token);
    int64_t now = clock_now_ms();
    if (!random && guesses_wait_ms(&api->guesses, req->peer, now) > 0)
        return KNOWN_LATER;
    const struct api_token *named = named_token(api, token);
    if (!named && !random && api->n_tokens)
        guesses_count(&api->guesses, req->peer, now);
    if (!named)
        return KNOWN_NOT;
    if (!random)
        warn_of_weak(api, named);
    snprintf(a->name, sizeof a->name, "%s", named->name);
    set_actor(a, named->role, via_word(req));
    return KNOWN;
}

static enum known by_token(struct api *api, const struct http_request *req, const char *token,
                           struct api_actor *a)
{
    if (same_digest(token, api->admin_token_hash)) {
        a->uid = geteuid();
        set_actor(a, "admin", via_word(req));
        return KNOWN;
    }
    const char *sandbox = api->sandboxes->by_token(api->sandboxes_ctx, token);
    const struct api_route *route = req->route->doc;
    if (!sandbox)                                   /* a supervisor's route is no place to try out a person's */
        return route->right == API_SUPERVISOR && !token_is_random(token) ? KNOWN_NOT : by_named_token(api, req, token, a);
    snprintf(a->sandbox_id, sizeof a->sandbox_id, "%s", sandbox);
    snprintf(a->name, sizeof a->name, "sandbox:%s", sandbox);
    set_actor(a, "sandbox", "gateway");
    return KNOWN;
}

static bool by_uid(const struct http_request *req, struct api_actor *a)
{
    if (!http_peer_uid(req->peer, &a->uid))
        return false;
    set_actor(a, a->uid == 0 || a->uid == geteuid() ? "admin" : "user", via_word(req));
    return true;
}

static const char *bearer(const struct http_request *req)
{
    const char *value = http_request_header(req, "Authorization");
    return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 + strspn(value + 7, " ") : NULL;
}

static enum known identify(struct api *api, const struct http_request *req, struct api_actor *a)
{
    const char *token = bearer(req);
    if (token)
        return by_token(api, req, token, a);
    if (origin_forwarded_by(req) || (req->peer->kind == HTTP_TCP && !origin_host_is_local(req)))
        return KNOWN_NOT;
    return by_uid(req, a) ? KNOWN : KNOWN_NOT;
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

#define SEND_A_TOKEN "send a token (sluice --token, SLUICE_TOKEN)"

static int refuse_unknown(struct http_request *req, enum api_right right)
{
    char text[256];
    const char *forwarded = origin_forwarded_by(req);
    if (right == API_SUPERVISOR && bearer(req))     /* one whose sandbox was deleted ends when it hears this */
        return refuse(req, ERROR_GONE, "no sandbox of this gateway has this token");
    if (bearer(req) || (!forwarded && !req->peer->apart && !(req->peer->listener & HTTP_NO_SECRETS)))
        return refuse_to_know(req, "who is asking is not known: " SEND_A_TOKEN ", or connect through the gateway's Unix socket");
    if (req->peer->listener & HTTP_NO_SECRETS)
        return refuse_to_know(req, "who is asking cannot be known here, as this address is not encrypted and other machines can "
                                   "reach it: connect through the gateway's Unix socket");
    snprintf(text, sizeof text, "who is asking is not known: a proxy forwarded this request (%.40s), and its uid is not that of "
             "who asked: " SEND_A_TOKEN, forwarded ? forwarded : "");
    return refuse_to_know(req, forwarded ? text : "who is asking is not known: the uid of a process in another user namespace, such as "
                                                  "a sandbox, says nothing: " SEND_A_TOKEN);
}

static int refuse_for_now(struct api *api, struct http_request *req)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%d", (int)(guesses_wait_ms(&api->guesses, req->peer, clock_now_ms()) / 1000) + 1);
    http_header(req, "Retry-After", seconds);
    return refuse(req, ERROR_LIMIT, "too many wrong tokens came from here: try again later. A token of 'sluice token create' is "
                                    "taken at any time");
}

/* 0: the request may say who it is. */
static int check_door(struct http_request *req, const struct api_route *route)
{
    const struct http_peer *peer = req->peer;
    if (!route->stateless && origin_is_other_site(req))
        return refuse(req, ERROR_FORBIDDEN, "a web page from elsewhere asks for this (Sec-Fetch-Site): it is refused, with a token too");
    if (!route->stateless && peer->kind == HTTP_TCP && peer->loopback && !bearer(req) && !origin_host_is_local(req))
        return refuse_to_know(req, "this address is answered as localhost, 127.0.0.1 or [::1]: use one of them, or " SEND_A_TOKEN);
    if (route->right == API_OPEN)
        return 0;
    if (check_authorization(req) != 0)
        return -1;
    if (bearer(req) && (peer->listener & HTTP_NO_SECRETS))
        return refuse(req, ERROR_FORBIDDEN, "no token is taken here: this address is not encrypted and other machines can reach it, so "
                                            "the token may have been read. Replace it, and connect through the gateway's Unix socket");
    if (!bearer(req) && origin_is_foreign_page(req))
        return refuse(req, ERROR_FORBIDDEN, "a web page from elsewhere may not act for its reader: send a token");
    return 0;
}

int api_authenticate(struct http_request *req, void *ctx)
{
    struct api *api = ctx;
    const struct api_route *route = req->route->doc;
    if (api->draining && strcmp(req->route->method, "GET") != 0)
        return refuse(req, ERROR_DRAINING, "the gateway is stopping: try again when it is back");
    if (check_door(req, route) != 0)
        return -1;
    if (route->right == API_OPEN)
        return api_check_parameters(req, route->takes);
    struct api_actor *a = alloc_zero(1, sizeof *a);
    enum known known = identify(api, req, a);
    if (known != KNOWN) {
        free(a);
        return known == KNOWN_LATER ? refuse_for_now(api, req) : refuse_unknown(req, route->right);
    }
    req->user = a;
    req->free_user = free;
    if (!may(route->right, a->actor.role))
        return refuse(req, ERROR_FORBIDDEN, why_not(route->right, a->actor.role));
    return api_check_parameters(req, route->takes);
}
