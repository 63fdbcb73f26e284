/* SPDX-License-Identifier: Apache-2.0 */
/* On a Unix socket, and on a TCP listener that trusts local uids, the peer's uid is the identity.
 * A process in another user namespace, such as a sandbox's workload, is nobody by its uid, and so
 * is whoever sends a request through a proxy.  A bearer token is the admin token, whose bearer acts
 * as the gateway's own user, that of a person whom the configuration names or who was given one
 * while the gateway runs, that of a sandbox's supervisor, or one of an issuer (oidc/oidc.h).
 * Without a token, a client's certificate says who asks; one that the configuration does not name
 * is nobody's.  A name is one person, whichever way they come: who asked for a held update cannot
 * approve it through another door. */
#include "auth/identify.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/oidc/oidc.h"
#include "auth/origin.h"
#include "base/clock.h"
#include "base/digest.h"
#include "http/request.h"
#include "net/certificate.h"

const char *auth_bearer(const struct http_request *req)
{
    const char *value = http_request_header(req, "Authorization");
    return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 + strspn(value + 7, " ")
                                                          : NULL;
}

static const char *via_word(const struct http_request *req)
{
    return req->peer->kind == HTTP_UNIX ? "unix" : req->peer->encrypted ? "tls" : "tcp";
}

static bool same_digest(const char *token, const char *hash)
{
    char mine[DIGEST_HEX_SIZE];
    digest_of(token, strlen(token), mine);
    return hash && CRYPTO_memcmp(mine, hash, DIGEST_HEX_SIZE) == 0;
}

/* Every entry is compared, so that the time tells nothing of which one it was. */
static const struct auth_token *named_token(const struct auth *auth, const char *token)
{
    const struct auth_token *found = NULL;
    for (size_t i = 0; i < auth->n_tokens; i++)
        if (same_digest(token, auth->tokens[i]->sha256))
            found = auth->tokens[i];
    return found;
}

/* Who reads the digest of a secret that somebody made up finds the secret by trying. */
static void warn_of_weak(struct auth *auth, const struct auth_token *named)
{
    size_t i = 0;
    while (i < 63 && auth->tokens[i] != named)
        i++;
    if (auth->weak_told & UINT64_C(1) << i)
        return;
    auth->weak_told |= UINT64_C(1) << i;
    log_warn(auth->log,
             "the token of %s was not made by 'sluice token create': whoever reads its digest in "
             "the configuration may "
             "guess it; replace it",
             named->name);
}

/* Of a person whom the configuration names.  A secret that may be a guess is compared only while
 * few wrong ones came from there. */
static enum auth_known by_named_token(struct auth *auth, const struct http_request *req,
                                      const char *token, struct auth_principal *out)
{
    bool random = token_is_random(token);
    int64_t now = clock_now_ms();
    if (!random && guesses_wait_ms(&auth->guesses, req->peer, now) > 0)
        return AUTH_LATER;
    const struct auth_token *named = named_token(auth, token);
    if (!named && !random && auth->n_tokens)
        guesses_count(&auth->guesses, req->peer, now);
    if (!named)
        return AUTH_UNKNOWN;
    if (!random)
        warn_of_weak(auth, named);
    const struct auth_powers powers = auth_roles_powers(auth->roles, named->role);
    auth_principal_by_token(out, named->name, &powers, via_word(req));
    out->calls_from_account = http_peer_uid(req->peer, &out->uid);
    return AUTH_KNOWN;
}

static bool by_live_token(struct auth *auth, const struct http_request *req, const char *token,
                          struct auth_principal *out)
{
    char sha256[DIGEST_HEX_SIZE];
    struct auth_live_token live;
    if (!token_is_random(token) ||
        !auth_live_find(auth->live, digest_of(token, strlen(token), sha256), clock_now_ms(), &live))
        return false;
    const struct auth_powers powers = auth_roles_powers(auth->roles, live.role);
    auth_principal_by_token(out, live.name, &powers, via_word(req));
    snprintf(out->only, sizeof out->only, "%s", live.sandbox);
    snprintf(out->proof, sizeof out->proof, "%s", sha256);
    out->until_ms = live.expires_at_ms;
    out->calls_from_account = http_peer_uid(req->peer, &out->uid);
    return true;
}

static enum auth_known by_oidc(struct auth *auth, const struct http_request *req,
                               const char *token, struct auth_principal *out, struct error *why)
{
    if (oidc_identify(auth->oidc, token, clock_now_ms(), auth->roles, out, why) != 0)
        return AUTH_REFUSED;
    out->via = via_word(req);
    out->calls_from_account = http_peer_uid(req->peer, &out->uid);
    return AUTH_KNOWN;
}

static enum auth_known by_token(struct auth *auth, const struct http_request *req,
                                const char *token, enum auth_permission wanted,
                                struct auth_principal *out, struct error *why)
{
    if (same_digest(token, auth->admin_token_hash)) {
        auth_principal_by_uid(out, geteuid(), via_word(req));
        out->kind = AUTH_BY_TOKEN;
        return AUTH_KNOWN;
    }
    const char *sandbox = auth->find_supervisor(auth->supervisors, token);
    if (sandbox) {
        auth_principal_supervisor(out, sandbox);
        return AUTH_KNOWN;
    }
    if (wanted != AUTH_SUPERVISE && by_live_token(auth, req, token, out))
        return AUTH_KNOWN;
    if (auth->oidc && wanted != AUTH_SUPERVISE && jwt_is_one(token))
        return by_oidc(auth, req, token, out, why);
    if (wanted == AUTH_SUPERVISE && !token_is_random(token))    /* no place to try out a person's */
        return AUTH_UNKNOWN;
    return by_named_token(auth, req, token, out);
}

/* Of whoever keeps the key: a proxy that shows its own certificate may ask for anybody. */
static enum auth_known by_certificate(struct auth *auth, const struct http_request *req,
                                      struct auth_principal *out)
{
    if (origin_forwarded_by(req))
        return AUTH_UNKNOWN;
    const struct auth_certificate *entry = auth_certificate_find(
        auth->certificates, auth->n_certificates, req->peer->certificate, clock_now_ms());
    if (!entry)
        return AUTH_UNKNOWN;
    const struct auth_powers powers = auth_roles_powers(auth->roles, entry->role);
    auth_principal_by_certificate(out, entry->name, &powers, via_word(req));
    out->until_ms = req->peer->certificate->expires_s * 1000;
    return AUTH_KNOWN;
}

static bool is_local_name(const struct http_request *req, const struct auth_question *q)
{
    return origin_host_is_local(req) || (q->local_names && origin_host_is_below_local(req));
}

static enum auth_known identify(struct auth *auth, const struct http_request *req,
                                const struct auth_question *q, struct auth_principal *out,
                                struct error *why)
{
    const char *token = auth_bearer(req);
    uid_t uid;
    if (token)
        return by_token(auth, req, token, q->permission, out, why);
    if (req->peer->certificate)
        return by_certificate(auth, req, out);
    if (origin_forwarded_by(req) || (req->peer->kind == HTTP_TCP && !is_local_name(req, q)) ||
        !http_peer_uid(req->peer, &uid))
        return AUTH_UNKNOWN;
    auth_principal_by_uid(out, uid, via_word(req));
    auth_roles_of_uid(auth->roles, uid, &out->powers);
    return AUTH_KNOWN;
}

enum auth_known auth_identify(struct auth *auth, const struct http_request *req,
                              const struct auth_question *question, struct auth_principal *out,
                              struct error *why)
{
    enum auth_known known = identify(auth, req, question, out, why);
    snprintf(out->origin, sizeof out->origin, "%s", req->peer->text);
    return known;
}
