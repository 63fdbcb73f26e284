/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/issuer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "secret/fetch.h"

enum {
    AGAIN_MS = 60 * 60 * 1000,                      /* after a success */
    RETRY_MS = 1000, RETRY_MAX_MS = 60000,          /* after a failure, doubled with each */
    MISSED_MS = 10000, /* tokens with keys that are made up cause no more than this */
};

struct issuer {
    const struct oidc_settings *settings;
    const char *fetcher;
    struct jobs *jobs;
    const struct log *log;
    struct oidc *oidc;
    uv_timer_t timer;
    unsigned failures;                              /* in a row */
    int64_t tried_ms;
    bool busy, stopped, has_keys;
};

struct fetch {
    struct issuer *issuer;
    struct oidc_keys *keys;                         /* NULL: err says why there are none */
    char *keys_url, *authorization_url;             /* of its discovery; the latter may be NULL */
    struct error err;
};

/* ---- the worker ---- */

static int get(const struct issuer *issuer, char *url, struct buf *answer, struct error *err)
{
    struct oauth_request request = {.url = url};
    int status = fetch_token(issuer->fetcher, &request, answer, err);
    if (status < 0)
        return error_prefix(err, "%.200s", url);
    return status == 200 ? 0 : error_set(err, ERROR_UPSTREAM, "%.200s answers %d", url, status);
}

/* RFC 8414 section 3.3: who answers with another name is another issuer. */
static int read_discovery(const struct issuer *issuer, const struct buf *text, struct fetch *out)
{
    struct error *err = &out->err;
    json_t *document = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(document, "issuer"));
    const char *url = json_string_value(json_object_get(document, "jwks_uri"));
    const char *page = json_string_value(json_object_get(document, "authorization_endpoint"));
    int rc = -1;
    if (!name || strcmp(name, issuer->settings->issuer) != 0)
        error_set(err, ERROR_UPSTREAM,
                  "its openid-configuration is of the issuer '%.200s': auth.oidc.issuer has to be "
                  "the same, letter by letter", name ? name : "");
    else if (!url || !oidc_url_is_safe(url))
        error_set(err, ERROR_UPSTREAM, "its openid-configuration names no https jwks_uri");
    else
        rc = 0;
    out->keys_url = rc == 0 ? alloc_str(url) : NULL;
    out->authorization_url = rc == 0 && page && oidc_url_is_safe(page) ? alloc_str(page) : NULL;
    json_decref(document);
    return rc;
}

static int find_keys(const struct issuer *issuer, struct fetch *out)
{
    const char *name = issuer->settings->issuer;
    size_t len = strlen(name);
    char *where = alloc_printf("%.*s/.well-known/openid-configuration",
                               (int)(len - (name[len - 1] == '/')), name);
    struct buf answer = {0};
    int rc = get(issuer, where, &answer, &out->err);
    if (rc == 0)
        rc = read_discovery(issuer, &answer, out);
    buf_free(&answer);
    free(where);
    return rc;
}

static void fetch_work(void *arg)
{
    struct fetch *f = arg;
    struct buf answer = {0};
    if (find_keys(f->issuer, f) == 0 && get(f->issuer, f->keys_url, &answer, &f->err) == 0)
        f->keys = oidc_keys_read(buf_str(&answer), answer.len, &f->err);
    buf_free(&answer);
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *timer);

static void wait_to_retry(struct issuer *issuer)
{
    unsigned doubled = issuer->failures < 7 ? issuer->failures : 7;
    uint64_t wait = (uint64_t)RETRY_MS << doubled;
    issuer->failures++;
    uv_timer_start(&issuer->timer, on_timer, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS, 0);
}

static void fetch_done(void *arg)
{
    struct fetch *f = arg;
    struct issuer *issuer = f->issuer;
    issuer->busy = false;
    issuer->tried_ms = clock_boot_ms();
    if (f->keys) {
        log_info(issuer->log, "issuer %s: %zu keys", issuer->settings->issuer,
                 oidc_keys_count(f->keys));
        oidc_set_keys(issuer->oidc, f->keys);
        oidc_set_authorization_url(issuer->oidc, f->authorization_url);
        issuer->has_keys = true;
        issuer->failures = 0;
        uv_timer_start(&issuer->timer, on_timer, AGAIN_MS, 0);
    } else {
        log_warn(issuer->log, "the keys of issuer %s cannot be fetched%s: %s",
                 issuer->settings->issuer, issuer->has_keys ? ", the last ones stay" : "",
                 f->err.text);
        wait_to_retry(issuer);
    }
    if (issuer->stopped)
        uv_timer_stop(&issuer->timer);
    free(f->keys_url);
    free(f->authorization_url);
    free(f);
}

static void begin(struct issuer *issuer)
{
    if (issuer->busy || issuer->stopped)
        return;
    struct fetch *f = alloc_zero(1, sizeof *f);
    f->issuer = issuer;
    issuer->busy = true;
    jobs_run(issuer->jobs, NULL, fetch_work, fetch_done, f);
}

static void on_timer(uv_timer_t *timer)
{
    begin(timer->data);
}

static bool keys_missed(void *ctx)
{
    struct issuer *issuer = ctx;
    if (clock_boot_ms() - issuer->tried_ms >= MISSED_MS)
        begin(issuer);
    return issuer->busy || !issuer->has_keys;
}

struct issuer *issuer_new(uv_loop_t *loop, const struct oidc_settings *settings,
                          const char *fetcher, struct jobs *jobs, const struct log *log)
{
    struct issuer *issuer = alloc_zero(1, sizeof *issuer);
    *issuer = (struct issuer){
        .settings = settings, .fetcher = fetcher, .jobs = jobs, .log = log};
    issuer->oidc = oidc_new(settings, keys_missed, issuer);
    uv_timer_init(loop, &issuer->timer);
    issuer->timer.data = issuer;
    uv_unref((uv_handle_t *)&issuer->timer);
    begin(issuer);
    return issuer;
}

struct oidc *issuer_oidc(struct issuer *issuer)
{
    return issuer->oidc;
}

void issuer_stop(struct issuer *issuer)
{
    if (!issuer)
        return;
    issuer->stopped = true;
    uv_timer_stop(&issuer->timer);
}

static void timer_closed(uv_handle_t *timer)
{
    struct issuer *issuer = timer->data;
    oidc_free(issuer->oidc);
    free(issuer);
}

void issuer_close(struct issuer *issuer)
{
    if (issuer)
        uv_close((uv_handle_t *)&issuer->timer, timer_closed);
}
