/* SPDX-License-Identifier: Apache-2.0 */
/* Providers whose credentials the gateway fetches: the methods about that. */
#include <ctype.h>
#include <string.h>

#include "grpc/page.h"
#include "grpc/providers.h"
#include "runtime/credentials/refresh.h"
#include "secret/oauth.h"

enum { MATERIAL_MAX = 16 };

/* ---- a status ---- */

/* What changes is found once more, as it has been fetched meanwhile. */
static int find(struct grpc_work *work, struct provider_facts *out)
{
    const char *name, *workspace;
    if (grpc_required(work, "provider", &name) != 0 || grpc_workspace(work, &workspace) != 0)
        return -1;
    return grpc_find_provider(work, name, out);
}

static void put_status(struct grpc_work *work, struct doc_writer *w,
                       const struct provider_facts *facts, const char *strategy, const char *output)
{
    struct refresh_status status;
    refresher_status(work->grpc->refresher, facts->provider.id, &status);
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "provider", facts->provider.name);
    grpc_put_text(w, "provider_id", facts->provider.id);
    grpc_put_text(w, "credential_key", output);
    grpc_put_word(w, "strategy", strategy);
    grpc_put_text(w, "status", status.word);
    grpc_put_time(w, "expires_at_ms", "expiration_time", status.expires_ms);
    grpc_put_time(w, "next_refresh_at_ms", "next_refresh_time", status.next_ms);
    grpc_put_time(w, "last_refresh_at_ms", "last_refresh_time", status.last_ms);
    grpc_put_text(w, "last_error", status.error);
    if (status.failures)
        grpc_put_text(w, "recovery_action", "RETRY");
    doc_write_close(w, DOC_MAP);
}

/* One for each variable that is fetched, or for the one that the request names; at most so many.
 * The number of them, or -1. */
static int put_statuses(struct grpc_work *work, struct doc_writer *w,
                        const struct provider_facts *facts, int most)
{
    const char *outputs[OAUTH_VALUES_MAX + 1], *wanted = grpc_text(work, "credential_key");
    int n = 0;
    if (!facts->refresh)
        return 0;
    json_t *parts = providers_parts(work->grpc->providers, facts, &work->err);
    if (!parts)
        return -1;
    oauth_outputs(parts, outputs);
    for (size_t i = 0; outputs[i] && n < most; i++)
        if (!*wanted || strcmp(outputs[i], wanted) == 0) {
            put_status(work, w, facts, json_string_value(json_object_get(parts, "strategy")),
                       outputs[i]);
            n++;
        }
    json_decref(parts);
    return n;
}

static int no_refresh(struct grpc_work *work, const struct provider_facts *facts)
{
    const char *key = grpc_text(work, "credential_key");
    return error_set(&work->err, ERROR_NOT_FOUND, "provider '%.100s' fetches no credential%s%.100s",
                     facts->provider.name, *key ? " " : "", key);
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    if (find(work, &facts) != 0)
        return -1;
    doc_write_key(w, "credentials");
    doc_write_open(w, DOC_LIST);
    int n = put_statuses(work, w, &facts, OAUTH_VALUES_MAX);
    doc_write_close(w, DOC_LIST);
    return n < 0 ? -1 : 0;
}

/* ---- fetching ---- */

static int put_fetched(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    if (find(work, &facts) != 0)
        return -1;
    doc_write_key(w, "status");
    int n = put_statuses(work, w, &facts, 1);
    return n > 0 ? 0 : n < 0 ? -1 : no_refresh(work, &facts);
}

static void fetched(void *arg)
{
    grpc_work_again(arg, put_fetched);
}

static void fetch(struct grpc_work *work)
{
    refresher_fetch(work->grpc->refresher, work->then_arg, fetched, work);
}

static void fetch_then_answer(struct grpc_work *work, const struct provider_facts *facts)
{
    work->then = fetch;
    work->then_arg = (void *)(uintptr_t)facts->provider.id;
}

/* ---- the methods ---- */

/* What the strategy needs, in the words of secret/oauth.h. */
static int read_parts(struct grpc_work *work, struct provider_values *out)
{
    const struct doc_node *material = doc_get(work->request, "material");
    const char *key = grpc_text(work, "credential_key"), *word = grpc_text(work, "strategy");
    size_t n = material ? material->n : 0;
    char *strategy = arena_strn(work->arena, word, strlen(word));
    for (char *c = strategy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (n > MATERIAL_MAX)
        return error_set(&work->err, ERROR_MALFORMED, "material has at most %d entries",
                         MATERIAL_MAX);
    struct provider_value *items = arena_zalloc(work->arena, (n + 2) * sizeof *items);
    *out = (struct provider_values){.items = items};
    for (size_t i = 0; i < n; i++)
        items[out->n++] = (struct provider_value){material->keys[i]->text,
                                                  material->items[i]->text};
    items[out->n++] = (struct provider_value){"strategy", strategy};
    if (strcmp(strategy, "aws_sts_assume_role") != 0)   /* whose outputs have fixed names */
        items[out->n++] = (struct provider_value){"output", key};
    return 0;
}

static int configure(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    struct provider_values parts;
    const char *key;
    (void)w;
    if (find(work, &facts) != 0 || grpc_required(work, "credential_key", &key) != 0 ||
        read_parts(work, &parts) != 0 ||
        providers_fetch(work->grpc->providers, &facts, &parts, work->arena, &work->err) != 0)
        return -1;
    log_info(work->grpc->log, "provider %s: %s has its credentials fetched", facts.provider.name,
             work->who.name);
    fetch_then_answer(work, &facts);
    return 0;
}

static int rotate(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    (void)w;
    if (find(work, &facts) != 0)
        return -1;
    if (!facts.refresh)
        return no_refresh(work, &facts);
    fetch_then_answer(work, &facts);
    return 0;
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    if (find(work, &facts) != 0)
        return -1;
    bool there = facts.refresh != NULL;
    if (!there && work->modes == PROTOBUF_ENUMS && !grpc_flag(work, "allow_missing"))
        return no_refresh(work, &facts);
    if (there && providers_fetch_no_more(work->grpc->providers, &facts, &work->err) != 0)
        return -1;
    doc_write_key(w, "deleted");
    doc_write_bool(w, there);
    grpc_put_text(w, "outcome", there ? "COMPLETED" : "ALREADY_ABSENT");
    return 0;
}

static const struct grpc_method methods[] = {
    READ("GetProviderRefreshStatus", AUTH_PROVIDER_MANAGE, get),
    KEEP_SECRET("ConfigureProviderRefresh", AUTH_PROVIDER_MANAGE, configure, .administers = true),
    READ("RotateProviderCredential", AUTH_PROVIDER_MANAGE, rotate, .administers = true),
    READ("DeleteProviderRefresh", AUTH_PROVIDER_MANAGE, delete, .administers = true),
};

const struct grpc_methods grpc_refresh_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
