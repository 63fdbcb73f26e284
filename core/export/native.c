/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "export/record.h"

/* A part that is stored as JSON. */
static void add_part(json_t *record, json_t *omitted, const char *name, const char *json)
{
    json_t *value = NULL;
    if (strlen(json) > EXPORT_PART_MAX)
        json_array_append_new(omitted, json_string(name));
    else if (*json)
        value = json_loads(json, JSON_DECODE_ANY, NULL);
    json_object_set_new(record, name, value ? value : json_null());
}

json_t *export_native_audit(const struct store_decision *d)
{
    char at[CLOCK_TEXT_SIZE];
    json_t *omitted = json_array();
    json_t *record = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:I, s:I, s:s, s:s, "
        "s:b, s:s, s:s, s:s, s:s, s:s?}",
        "record", "audit", "id", d->id, "seq", (json_int_t)d->seq, "sandbox", d->sandbox,
        "sandbox_id", d->sandbox_id, "kind", d->kind, "outcome", d->outcome, "actor", "name",
        d->actor, "role", d->role, "via", d->via, "identity", d->identity, "origin", d->origin,
        "reason", d->reason, "base_revision", (json_int_t)d->base_revision, "revision",
        (json_int_t)d->revision, "base_hash", d->base_hash, "candidate_hash", d->candidate_hash,
        "overridden", (int)d->overridden, "chain_digest", d->chain_digest, "at",
        clock_format(d->at_ms, at), "previous", d->previous, "hash", d->hash, "draft",
        *d->draft_id ? d->draft_id : NULL);
    add_part(record, omitted, "votes", d->votes_json);
    add_part(record, omitted, "candidate", d->candidate_json);
    add_part(record, omitted, "diff", d->diff_json);
    add_part(record, omitted, "warnings", d->warnings_json);
    json_object_set_new(record, "omitted", omitted);
    return record;
}

json_t *export_native_traffic(const struct store_traffic *t, const char *sandbox)
{
    char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
    return json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:b, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, "
                     "s:s, s:s, s:s, s:I, s:s, s:s}",
                     "record", "traffic", "row", (json_int_t)t->number, "seq",
                     (json_int_t)t->changed, "sandbox", sandbox, "sandbox_id", t->sandbox_id,
                     "verdict", t->verdict, "unlisted", (int)!*t->host, "host", t->host, "port",
                     (int)t->port, "binary", t->binary, "rule", t->rule, "reason", t->reason,
                     "method", t->method, "path", t->path, "operation", t->operation, "field",
                     t->field, "rpc_method", t->rpc_method, "tool", t->tool, "count",
                     (json_int_t)t->count, "first_seen", clock_format(t->first_seen_ms, first),
                     "last_seen", clock_format(t->last_seen_ms, last));
}
