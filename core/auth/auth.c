/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <stdio.h>
#include <string.h>

#include "auth/holders.h"
#include "auth/identify.h"
#include "auth/origin.h"
#include "base/clock.h"
#include "http/request.h"
#include "net/certificate.h"

static int refuse(struct auth_refusal *r, enum error_kind kind, const char *why)
{
    return error_set(&r->err, kind, "%s", why);
}

static int refuse_to_know(struct auth_refusal *r, const char *why)
{
    r->challenge = true;
    return refuse(r, ERROR_UNAUTHORIZED, why);
}

/* Who sends an Authorization means to be known by it: the peer's uid does not stand in for one that
 * is not understood. */
static int check_authorization(const struct http_request *req, struct auth_refusal *r)
{
    size_t n = http_head_count(req->head, "Authorization");
    if (n > 1)
        return refuse(r, ERROR_MALFORMED,
                      "header field Authorization is given twice: which one counts?");
    if (n && !auth_bearer(req))
        return refuse_to_know(r, "the only Authorization understood is 'Bearer TOKEN': send that, "
                                 "or none to be known by your uid");
    return 0;
}

#define SEND_A_TOKEN "send a token (sluice --token, SLUICE_TOKEN)"

/* 0: the request may say who it is. */
static int check_door(const struct http_request *req, const struct auth_question *q,
                      struct auth_refusal *r)
{
    const struct http_peer *peer = req->peer;
    bool bearer = auth_bearer(req);
    if (!q->stateless && origin_is_other_site(req))
        return refuse(r, ERROR_FORBIDDEN,
                      "a web page from elsewhere asks for this (Sec-Fetch-Site): it is refused, "
                      "with a token too");
    if (!q->stateless && peer->kind == HTTP_TCP && peer->loopback && !bearer && !peer->encrypted &&
        !origin_host_is_local(req) && !(q->local_names && origin_host_is_below_local(req)))
        return refuse_to_know(r, "this address is answered as localhost, 127.0.0.1 or [::1]: use "
                                 "one of them, or " SEND_A_TOKEN);
    if (q->permission == AUTH_ANYBODY)
        return 0;
    if (check_authorization(req, r) != 0)
        return -1;
    if (bearer && (peer->listener & HTTP_NO_SECRETS))
        return refuse(r, ERROR_FORBIDDEN,
                      "no token is taken here: this address is not encrypted and other machines "
                      "can reach it, so "
                      "the token may have been read. Replace it, and connect through the gateway's "
                      "Unix socket");
    if (!bearer && origin_is_foreign_page(req))
        return refuse(r, ERROR_FORBIDDEN,
                      "a web page from elsewhere may not act for its reader: send a token");
    return 0;
}

static int refuse_certificate(const struct http_request *req, struct auth_refusal *r)
{
    const struct net_certificate *c = req->peer->certificate;
    r->challenge = true;
    return error_set(&r->err, ERROR_UNAUTHORIZED,
                     "the certificate of '%.200s' is nobody's here, or has expired, or came "
                     "through a proxy: name its subject under auth.certificates, or " SEND_A_TOKEN,
                     c->subject);
}

static int refuse_unknown(const struct http_request *req, enum auth_permission wanted,
                          struct auth_refusal *r)
{
    char text[256];
    const char *forwarded = origin_forwarded_by(req);
    if (wanted == AUTH_SUPERVISE &&
        auth_bearer(req)) /* one whose sandbox was deleted ends when it hears this */
        return refuse(r, ERROR_GONE, "no sandbox of this gateway has this token");
    if (req->peer->certificate && !auth_bearer(req))
        return refuse_certificate(req, r);
    if (auth_bearer(req))
        return refuse_to_know(r, "who is asking is not known: this gateway does not know the "
                                 "token that was sent: it was revoked, has expired or is for "
                                 "another gateway; send another one");
    if ((!forwarded && !req->peer->apart && !(req->peer->listener & HTTP_NO_SECRETS)))
        return refuse_to_know(r, "who is asking is not known: " SEND_A_TOKEN
                                 ", or connect through the gateway's Unix socket");
    if (req->peer->listener & HTTP_NO_SECRETS)
        return refuse_to_know(r, "who is asking cannot be known here, as this address is not "
                                 "encrypted and other machines can "
                                 "reach it: connect through the gateway's Unix socket");
    snprintf(text, sizeof text,
             "who is asking is not known: a proxy forwarded this request (%.40s), and its uid is "
             "not that of "
             "who asked: " SEND_A_TOKEN,
             forwarded ? forwarded : "");
    return refuse_to_know(
        r,
        forwarded
            ? text
            : "who is asking is not known: the uid of a process in another user namespace, such as "
              "a sandbox, says nothing: " SEND_A_TOKEN);
}

static int refuse_for_now(struct auth *auth, const struct http_request *req, struct auth_refusal *r)
{
    r->retry_s = (int)(guesses_wait_ms(&auth->guesses, req->peer, clock_now_ms()) / 1000) + 1;
    return refuse(r, ERROR_LIMIT,
                  "too many wrong tokens came from here: try again later. A token of 'sluice token "
                  "create' is "
                  "taken at any time");
}

bool auth_holds(const struct auth *auth, const struct auth_principal *p)
{
    int64_t now = clock_now_ms();
    struct auth_live_token live;
    return (!p->until_ms || now < p->until_ms) && auth_roles_hold(auth->roles, p) &&
           (!*p->proof || auth_live_find(auth->live, p->proof, now, &live));
}

int auth_check(const struct auth_principal *p, enum auth_permission permission,
               const char *sandbox, struct error *err)
{
    enum auth_role builtin;
    if (auth_may(p, permission, sandbox))
        return 0;
    if (*p->only && permission != AUTH_KNOWN_TO_US && (!sandbox || strcmp(sandbox, p->only) != 0))
        return error_set(err, ERROR_FORBIDDEN,
                         "this token is for one sandbox alone, and this is another one or asks "
                         "about all: ask with "
                         "another token");
    if (*p->sandbox_id)
        return error_set(err, ERROR_FORBIDDEN,
                         "a sandbox may not do this: it only has its own stream");
    if (permission == AUTH_SUPERVISE)
        return error_set(err, ERROR_FORBIDDEN, "only the supervisor of a sandbox may do this");
    if (permission != AUTH_SANDBOX_CREATE && p->powers.own & UINT32_C(1) << permission)
        return error_set(
            err, ERROR_FORBIDDEN,
            "the role %s may do this to its own sandboxes alone: ask the owner of this "
            "one to share it with you (sluice sandbox share), or an admin",
            p->powers.role);
    if (!p->powers.all && !p->powers.own)
        return error_set(err, ERROR_FORBIDDEN,
                         "the role %s is not in the configuration (auth.roles), so whoever has it "
                         "may do nothing: add it there, or ask with another token",
                         p->powers.role);
    if ((auth_only_admins(permission) && auth_role_find(p->powers.role, &builtin)) ||
        (permission == AUTH_SANDBOX_CREATE && sandbox))
        return error_set(err, ERROR_FORBIDDEN,
                         "only an admin may do this: the gateway's own user, root, or a token of "
                         "an admin");
    return error_set(err, ERROR_FORBIDDEN,
                     "the role %s may not do this, as it lacks the permission %s: ask with a token "
                     "of a role that has it (GET /v1/permissions)",
                     p->powers.role, auth_permission_word(permission));
}

void auth_ask_about(struct auth_principal *p, const struct auth_sandbox *sandbox)
{
    snprintf(p->asked, sizeof p->asked, "%s", sandbox->id);
    p->rights = auth_holders_rights(sandbox->holders, p);
}

/* By id, as a name may be given again.  One that is not there has no owner. */
static void look_at_sandbox(const struct auth *auth, const char *name, struct auth_principal *p)
{
    struct auth_sandbox sandbox = {*p->only ? "" : name, AUTH_NO_HOLDERS};
    if (auth->find_sandbox)
        auth->find_sandbox(auth->supervisors, name, &sandbox);
    auth_ask_about(p, &sandbox);
}

static int authorize(const struct auth_question *q, const struct auth_principal *p,
                     struct error *err)
{
    const char *sandbox = q->sandbox ? p->asked : NULL;
    if (q->or_else != AUTH_ANYBODY && auth_may(p, q->or_else, sandbox))
        return 0;
    return auth_check(p, q->permission, sandbox, err);
}

int auth_admit(struct auth *auth, const struct http_request *req,
               const struct auth_question *question, struct auth_principal *out,
               struct auth_refusal *refusal)
{
    *out = (struct auth_principal){.kind = AUTH_NOBODY};
    *refusal = (struct auth_refusal){.challenge = false};
    if (check_door(req, question, refusal) != 0)
        return -1;
    if (question->permission == AUTH_ANYBODY)
        return 0;
    enum auth_known known = auth_identify(auth, req, question, out, &refusal->err);
    if (known == AUTH_LATER)
        return refuse_for_now(auth, req, refusal);
    if (known == AUTH_REFUSED) {
        refusal->challenge = refusal->err.kind == ERROR_UNAUTHORIZED;
        return -1;
    }
    if (known == AUTH_UNKNOWN)
        return refuse_unknown(req, question->permission, refusal);
    if (question->later)
        return 0;
    if (question->sandbox)
        look_at_sandbox(auth, question->sandbox, out);
    return authorize(question, out, &refusal->err);
}

int auth_admit_again(struct auth *auth, const struct auth_question *question,
                     struct auth_principal *p, struct auth_refusal *refusal)
{
    *refusal = (struct auth_refusal){.challenge = false};
    if (question->permission == AUTH_ANYBODY)
        return 0;
    if (!auth_holds(auth, p))
        return refuse_to_know(refusal, AUTH_HOLDS_NO_MORE);
    if (question->sandbox)
        look_at_sandbox(auth, question->sandbox, p);
    return authorize(question, p, &refusal->err);
}
