/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/ssh_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"
#include "runtime/sessions/exec.h"

struct ssh_use {
    struct ssh_use *next;
    struct ssh_session *session;                    /* NULL: revoked */
    ssh_revoked *on_end;
    void *arg;
};

struct ssh_session {
    struct ssh_session *next;                       /* an older one */
    char digest[DIGEST_HEX_SIZE];
    int64_t end_ms;                                 /* CLOCK_BOOTTIME */
    struct ssh_use *uses;
};

static const char revoked[] = "SSH session token is not valid: it was revoked";
static const char expired[] = "SSH session token expired";

static size_t count_uses(const struct ssh_session *session)
{
    size_t n = 0;
    for (const struct ssh_use *use = session->uses; use; use = use->next)
        n++;
    return n;
}

/* Takes it out of its list and ends its connections. */
static void end_session(struct ssh_session **at, const char *why)
{
    struct ssh_session *session = *at;
    *at = session->next;
    while (session->uses) {
        struct ssh_use *use = session->uses;
        session->uses = use->next;
        use->session = NULL;
        use->on_end(use->arg, why);
    }
    free(session);
}

void sandbox_ssh_end_all(struct sandbox *s)
{
    while (s->ssh_sessions)
        end_session(&s->ssh_sessions, revoked);
}

void sandbox_ssh_end_expired(struct sandbox *s)
{
    int64_t now = s->ssh_sessions ? clock_boot_ms() : 0;
    for (struct ssh_session **at = &s->ssh_sessions; *at;)
        if ((*at)->end_ms <= now)
            end_session(at, expired);
        else
            at = &(*at)->next;
}

/* The oldest one goes where there are too many, but none that is used. */
static void make_room(struct sandbox *s)
{
    struct ssh_session **oldest = NULL;
    size_t n = 0;
    sandbox_ssh_end_expired(s);
    for (struct ssh_session **at = &s->ssh_sessions; *at; at = &(*at)->next, n++)
        if (!(*at)->uses)
            oldest = at;
    if (n >= SSH_SESSIONS_MAX && oldest)
        end_session(oldest, revoked);
}

int ssh_session_create(struct runtime *all, const char *id, int64_t ms,
                       char token[DIGEST_HEX_SIZE], struct error *err)
{
    int64_t now = clock_boot_ms();
    if (runtime_exec_check(all, id, err) != 0)
        return -1;
    struct sandbox *s = sandbox_find(all, id);
    make_room(s);
    struct ssh_session *session = alloc_zero(1, sizeof *session);
    digest_secret(token);
    digest_of(token, strlen(token), session->digest);
    session->end_ms = now + ms;
    session->next = s->ssh_sessions;
    s->ssh_sessions = session;
    return 0;
}

const char *ssh_session_host_key(struct runtime *all, const char *id)
{
    const struct sandbox *s = sandbox_find(all, id);
    return s && s->ssh_host_key ? s->ssh_host_key : "";
}

static struct ssh_session **find(struct sandbox *s, const char *token)
{
    char digest[DIGEST_HEX_SIZE];
    struct ssh_session **at = &s->ssh_sessions;
    digest_of(token, strlen(token), digest);
    while (*at && strcmp((*at)->digest, digest) != 0)
        at = &(*at)->next;
    return *at ? at : NULL;
}

/* Whose sandbox has it; NULL: none has. */
static struct sandbox *find_owner(struct runtime *all, const char *token)
{
    struct sandbox *s = all->list;
    while (s && !find(s, token))
        s = s->next;
    return s;
}

bool ssh_session_sandbox(struct runtime *all, const char *token, struct auth_sandbox *out)
{
    const struct sandbox *s = find_owner(all, token);
    if (s)
        *out = (struct auth_sandbox){s->id, s->holders};
    return s;
}

bool ssh_session_revoke(struct runtime *all, const char *token)
{
    struct sandbox *s = find_owner(all, token);
    if (s)
        end_session(find(s, token), revoked);
    return s;
}

static int check_use(const struct sandbox *s, const struct ssh_session *session, struct error *err)
{
    size_t n = 0;
    for (const struct ssh_session *each = s->ssh_sessions; each; each = each->next)
        n += count_uses(each);
    if (session->end_ms <= clock_boot_ms())
        return error_set(err, ERROR_UNAUTHORIZED, "%s", expired);
    if (count_uses(session) >= SSH_SESSION_USES_MAX)
        return error_set(err, ERROR_LIMIT, "SSH session connection limit reached");
    if (n >= SSH_SANDBOX_USES_MAX)
        return error_set(err, ERROR_LIMIT, "sandbox SSH connection limit reached");
    return 0;
}

struct ssh_use *ssh_session_use(struct runtime *all, const char *id, const char *token,
                                ssh_revoked *on_end, void *arg, struct error *err)
{
    struct sandbox *s = sandbox_find(all, id);
    struct ssh_session **at = s ? find(s, token) : NULL;
    if (!at) {
        error_set(err, ERROR_UNAUTHORIZED, "SSH session token not found");
        return NULL;
    }
    if (check_use(s, *at, err) != 0)
        return NULL;
    struct ssh_use *use = alloc_zero(1, sizeof *use);
    *use = (struct ssh_use){(*at)->uses, *at, on_end, arg};
    (*at)->uses = use;
    return use;
}

void ssh_session_release(struct ssh_use *use)
{
    if (!use)
        return;
    for (struct ssh_use **at = use->session ? &use->session->uses : NULL; at; at = &(*at)->next)
        if (*at == use) {
            *at = use->next;
            break;
        }
    free(use);
}
