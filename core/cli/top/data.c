/* SPDX-License-Identifier: Apache-2.0 */
/* What sluice top shows, as the gateway has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/top/top.h"

/* Events come in bursts, and the voters are asked about each chunk that is read. */
enum { READ_MS_MIN = 300, TRAFFIC_MS = 1000, TRAFFIC_MAX = 200 };

json_t *top_chosen(const struct top *top, enum pane pane)
{
    return json_array_get(top->items[pane], top->chosen[pane]);
}

/* The same thing stays chosen where its place in the list changes. */
static void replace(struct top *top, enum pane pane, const char *key, json_t *list)
{
    char *before = alloc_str(json_text(top_chosen(top, pane), key));
    size_t i, n = json_array_size(list);
    json_t *item;
    json_array_foreach(list, i, item)
        if (*before && strcmp(json_text(item, key), before) == 0)
            top->chosen[pane] = i;
    if (top->chosen[pane] >= n)
        top->chosen[pane] = n ? n - 1 : 0;
    json_decref(top->items[pane]);
    top->items[pane] = json_incref(list);
    free(before);
}

/* Takes path. */
static void read_pane(struct top *top, enum pane pane, char *path, const char *list,
                      const char *key)
{
    struct reply reply;
    client_call(&top->cli, &(struct call){.method = "GET", .path = path, .timeout_s = 10}, &reply);
    json_t *items = json_object_get(reply.json, list);
    if (reply.status == 200 && items)
        replace(top, pane, key, items);
    else
        snprintf(top->status, sizeof top->status, "%s",
                 reply.status ? json_text(reply.json, "detail") : "the gateway does not answer");
    reply_free(&reply);
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(json_text(*(json_t *const *)b, "last_seen"),
                  json_text(*(json_t *const *)a, "last_seen"));
}

static void sort_requests(struct top *top)
{
    size_t n = json_array_size(top->items[PANE_REQUESTS]), i;
    json_t **order = alloc_zero(n + 1, sizeof *order), *item, *sorted = json_array();
    json_array_foreach(top->items[PANE_REQUESTS], i, item)
        order[i] = item;
    qsort(order, n, sizeof *order, newest_first);
    for (i = 0; i < n; i++)
        json_array_append(sorted, order[i]);
    json_decref(top->items[PANE_REQUESTS]);
    top->items[PANE_REQUESTS] = sorted;
    free(order);
}

static void read_traffic(struct top *top)
{
    const json_t *sandbox = top_chosen(top, PANE_SANDBOXES);
    if (sandbox) {
        char *name = url_escape(json_text(sandbox, "name"));
        read_pane(top, PANE_REQUESTS,
                  alloc_printf("/v1/sandboxes/%s/traffic?limit=%d", name, TRAFFIC_MAX), "traffic",
                  "last_seen");
        sort_requests(top);
        free(name);
    } else {
        json_array_clear(top->items[PANE_REQUESTS]);
    }
}

bool top_read(struct top *top)
{
    int64_t now = clock_boot_ms();
    bool first = !top->read_at, read = first || (top->changed && now >= top->read_at + READ_MS_MIN);
    if (read) {
        top->changed = false;
        read_pane(top, PANE_SANDBOXES, alloc_str("/v1/sandboxes"), "sandboxes", "name");
        read_pane(top, PANE_INBOX, alloc_str("/v1/drafts?status=pending"), "chunks", "id");
        top->read_at = clock_boot_ms();
    }
    if (!read && now < top->traffic_at + TRAFFIC_MS)
        return false;
    read_traffic(top);
    top->traffic_at = clock_boot_ms();
    return true;
}

static void say_outcome(struct top *top, const struct reply *reply, bool approve)
{
    const char *detail = json_text(reply->json, "detail");
    long long revision = json_number(reply->json, "revision");
    if (reply->status == 0)
        snprintf(top->status, sizeof top->status, "the gateway does not answer");
    else if (reply->status == 202)
        snprintf(top->status, sizeof top->status, "held: %s", json_text(reply->json, "summary"));
    else if (reply->status != 200)
        snprintf(top->status, sizeof top->status, "%s",
                 *detail ? detail : json_text(reply->json, "title"));
    else if (approve)
        snprintf(top->status, sizeof top->status, "approved: revision %lld of %s", revision,
                 json_text(reply->json, "sandbox"));
    else
        snprintf(top->status, sizeof top->status, "rejected");
}

/* The chunk that the question was about, whatever is chosen by now. */
static const json_t *asked_about(const struct top *top)
{
    size_t i;
    json_t *chunk;
    json_array_foreach(top->items[PANE_INBOX], i, chunk)
        if (strcmp(json_text(chunk, "id"), top->asked_about) == 0)
            return chunk;
    return NULL;
}

void top_decide(struct top *top, bool approve)
{
    const json_t *chunk = asked_about(top);
    struct reply reply;
    if (!chunk) {
        snprintf(top->status, sizeof top->status, "that chunk is no longer pending");
        return;
    }
    json_t *body = approve ? json_pack("{s:s}", "review_token", json_text(chunk, "review_token"))
                           : json_object();
    char *sandbox = url_escape(json_text(chunk, "sandbox")), *text = json_dumps(body, JSON_COMPACT);
    client_call(&top->cli,
                &(struct call){.method = "POST",
                               .path = alloc_printf("/v1/sandboxes/%s/drafts/%s/%s", sandbox,
                                                    top->asked_about,
                                                    approve ? "approve" : "reject"),
                               .type = "application/json",
                               .body = text,
                               .len = strlen(text)},
                &reply);
    say_outcome(top, &reply, approve);
    top->changed = true;
    reply_free(&reply);
    json_decref(body);
    free(sandbox);
    free(text);
}

void top_free(struct top *top)
{
    for (int i = 0; i < PANE_COUNT; i++)
        json_decref(top->items[i]);
}
