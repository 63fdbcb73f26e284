/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/buf.h"
#include "policy/effect/effect.h"
#include "policy/effect/run.h"

static const char *host_text(struct effect_run *run, const char *host)
{
    return strchr(host, ':') ? arena_printf(run->result, "[%s]", host) : host;
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
        return arena_printf(run->result, "%s %s send %s %s to %s:%u", binary, may,
                            d->line->example_method, d->line->example_path, at, port);
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
                              strlen(reach.path) + strlen(reach.example);
    run->reach[side] = effect_grow(run->result, run->reach[side], run->n_reach[side],
                                   &run->cap_reach[side], sizeof *run->reach[side]);
    run->reach[side][run->n_reach[side]++] = copy;
}

void effect_show_all(struct effect_run *run, unsigned side, const char *why)
{
    add_reach(run, side, (struct sluice_reach){.host = "**", .binary = "**", .method = "",
                                               .path = "", .example = why});
}

static bool is_new(struct effect_run *run, const struct difference *d, const struct item *item,
                   uint16_t port)
{
    struct effect_interner *shown = &run->shown[d->side];
    const struct effect_line *line = d->line;
    struct buf key = {0};
    size_t known = shown->n;
    buf_printf(&key, "%x %x %x %d %s %s", item->host, port, d->pattern, line->kind, line->method,
               line->path);
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
    add_reach(run, d->side, (struct sluice_reach){
        .host = *item->endpoint->host ? item->endpoint->host : "**", .port = place->port,
        .binary = arena_str(run->result, run->paths.patterns[d->pattern].text),
        .method = arena_str(run->result, d->line->method),
        .path = arena_str(run->result, d->line->path),
        .example = sentence(run, d, binary, place->host, place->port)});
}
