/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/buf.h"
#include "policy/effect/effect.h"
#include "policy/effect/run.h"

static const char *host_text(struct effect_run *run, const char *host)
{
    return strchr(host, ':') ? arena_printf(run->result, "[%s]", host) : host;
}

/* The call in a request, such as " (mutation createIssue)". */
static const char *call_text(struct effect_run *run, const struct effect_sent *s)
{
    if (*s->operation)
        return arena_printf(run->result, " (%s%s%s)", s->operation, *s->field ? " with " : "",
                            s->field);
    if (*s->rpc_method)
        return arena_printf(run->result, " (%s%s%s)", s->rpc_method, *s->tool ? " of " : "",
                            s->tool);
    return "";
}

static const char *sentence(struct effect_run *run, const struct difference *d, const char *binary,
                            const char *host, uint16_t port)
{
    bool gained = d->side == TO;
    const char *at = host_text(run, host), *may = gained ? "may now" : "may no longer";
    switch (d->line->kind) {
    case EFFECT_ADDRESSES:
        return arena_printf(run->result, "%s %s reach %s:%u at %s addresses", binary, may, at, port,
                            gained ? "more" : "all of its former");
    case EFFECT_REQUEST:
        return arena_printf(run->result, "%s %s send %s %s%s to %s:%u", binary, may,
                            d->line->example.method, d->line->example.path,
                            call_text(run, &d->line->example), at, port);
    case EFFECT_ANYTHING:
        return arena_printf(run->result, "%s %s say anything to %s:%u without inspection", binary,
                            may, at, port);
    case EFFECT_UNKNOWN:
        return arena_printf(run->result, "what %s %s say to %s:%u cannot be compared", binary, may,
                            at, port);
    default:
        return arena_printf(run->result, "%s %s reach %s:%u", binary, may, at, port);
    }
}

static void add_reach(struct effect_run *run, unsigned side, struct sluice_reach reach)
{
    struct sluice_reach *copy = arena_alloc(run->result, sizeof *copy);
    reach.size = sizeof reach;
    *copy = reach;
    run->reach_bytes[side] += strlen(reach.host) + strlen(reach.binary) + strlen(reach.method) +
                              strlen(reach.path) + strlen(reach.example) +
                              strlen(reach.operation) + strlen(reach.field) +
                              strlen(reach.rpc_method) + strlen(reach.tool);
    run->reach[side] = arena_grow(run->result, run->reach[side], run->n_reach[side],
                                   &run->cap_reach[side], sizeof *run->reach[side]);
    run->reach[side][run->n_reach[side]++] = copy;
}

void effect_show_all(struct effect_run *run, unsigned side, const char *why)
{
    add_reach(run, side, (struct sluice_reach){.host = "**", .binary = "**", .method = "",
                                               .path = "", .example = why, .operation = "",
                                               .field = "", .rpc_method = "", .tool = ""});
}

static bool is_new(struct effect_run *run, const struct difference *d, const struct item *item,
                   uint16_t port)
{
    struct effect_interner *shown = &run->shown[d->side];
    const struct effect_line *line = d->line;
    struct buf key = {0};
    size_t known = shown->n;
    buf_printf(&key, "%x %x %x %d %s %s %s %s %s %s", item->host, port, d->pattern, line->kind,
               line->what.method, line->what.path, line->what.operation, line->what.field,
               line->what.rpc_method, line->what.tool);
    bool new = effect_intern(shown, key.data, key.len) >= known;
    effect_spend(&run->budget, key.len);
    buf_free(&key);
    return new;
}

void effect_show(struct effect_run *run, const struct difference *d, const struct item *item,
                 const struct effect_place *place)
{
    run->differs[d->side] = true;
    if (!is_new(run, d, item, place->port) || run->full[d->side])
        return;
    if (run->n_reach[d->side] == POLICY_REACH_MAX ||
        run->reach_bytes[d->side] > POLICY_REACH_BYTES_MAX) {
        run->full[d->side] = true;
        effect_show_all(run, d->side, "and more than can be listed");
        return;
    }
    const char *binary = run->paths.classes[d->class].example;
    const struct effect_sent *what = &d->line->what;
    add_reach(run, d->side, (struct sluice_reach){
        .host = *item->endpoint->host ? item->endpoint->host : "**", .port = place->port,
        .binary = arena_str(run->result, run->paths.patterns[d->pattern].text),
        .method = arena_str(run->result, what->method), .path = arena_str(run->result, what->path),
        .operation = arena_str(run->result, what->operation),
        .field = arena_str(run->result, what->field),
        .rpc_method = arena_str(run->result, what->rpc_method),
        .tool = arena_str(run->result, what->tool),
        .example = sentence(run, d, binary, place->host, place->port)});
}
