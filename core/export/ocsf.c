/* SPDX-License-Identifier: Apache-2.0 */
/* Records as events of the Open Cybersecurity Schema Framework, version 1.3.0. */
#include <string.h>
#include <strings.h>

#include "export/record.h"

enum {
    CATEGORY_IAM = 3, CATEGORY_NETWORK = 4,
    CLASS_ENTITY = 3004, CLASS_NETWORK = 4001, CLASS_HTTP = 4002,
    INFORMATIONAL = 1, LOW = 2,
    SUCCESS = 1, FAILURE = 2,
    ALLOWED = 1, DENIED = 2,
    DISPOSITION_ALLOWED = 1, DISPOSITION_BLOCKED = 2, DISPOSITION_LOGGED = 17,
    OTHER = 99,
};

static json_t *event(int category, int class, int activity, int64_t at_ms, const char *uid,
                     uint64_t sequence, const char *log_name)
{
    json_t *metadata = json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:I}", "version", "1.3.0",
                                 "product", "name", "sluice", "vendor_name", "sluice", "version",
                                 SLUICE_VERSION, "log_name", log_name, "sequence",
                                 (json_int_t)sequence);
    if (uid)
        json_object_set_new(metadata, "uid", json_string(uid));
    return json_pack("{s:i, s:i, s:i, s:i, s:I, s:o}", "category_uid", category, "class_uid",
                     class, "activity_id", activity, "type_uid", class * 100 + activity, "time",
                     (json_int_t)at_ms, "metadata", metadata);
}

static void set(json_t *to, const char *name, json_t *value)
{
    json_object_set_new(to, name, value);
}

static json_t *stored(const char *json)
{
    json_t *value = *json && strlen(json) <= EXPORT_PART_MAX
                        ? json_loads(json, JSON_DECODE_ANY, NULL)
                        : NULL;
    return value ? value : json_null();
}

/* ---- a decision: a policy was created, updated or not ---- */

json_t *export_ocsf_audit(const struct store_decision *d)
{
    bool allowed = strcmp(d->outcome, "allowed") == 0, held = strcmp(d->outcome, "held") == 0;
    bool ceiling = strncmp(d->kind, "ceiling_", 8) == 0;
    const char *type = ceiling ? "ceiling" : "policy";
    int activity = strcmp(d->kind, "create") == 0          ? 1
                   : strcmp(d->kind, "ceiling_delete") == 0 ? 4
                                                            : 3;
    json_t *e = event(CATEGORY_IAM, CLASS_ENTITY, activity, d->at_ms, d->id, d->seq, "audit");
    set(e, "severity_id", json_integer(allowed ? INFORMATIONAL : LOW));
    set(e, "status_id", json_integer(allowed ? SUCCESS : held ? OTHER : FAILURE));
    set(e, "status", json_string(d->outcome));
    set(e, "comment", json_string(d->reason));
    set(e, "actor", json_pack("{s:{s:s, s:s, s:[{s:s}]}, s:s}", "user", "name", d->actor, "type",
                              d->identity, "groups", "name", d->role, "app_name", d->via));
    json_t *entity = json_pack("{s:s, s:s, s:s, s:s}", "type", type, "name", d->sandbox, "uid",
                               d->sandbox_id, "version", d->base_hash);
    set(e, "entity", entity);
    json_t *result = json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", type, "name", d->sandbox,
                               "uid", d->sandbox_id, "version", d->candidate_hash, "data",
                               stored(d->candidate_json));
    set(e, "entity_result", result);
    set(e, "unmapped",
        json_pack("{s:s, s:s, s:I, s:I, s:b, s:s, s:s, s:s, s:s, s:o, s:o}", "kind", d->kind,
                  "origin", d->origin, "base_revision", (json_int_t)d->base_revision, "revision",
                  (json_int_t)d->revision, "overridden", (int)d->overridden, "draft", d->draft_id,
                  "chain_digest", d->chain_digest, "previous", d->previous, "hash", d->hash,
                  "votes", stored(d->votes_json), "diff", stored(d->diff_json)));
    return e;
}

/* ---- traffic ---- */

static int http_activity(const char *method)
{
    static const char *const methods[] = {"",     "CONNECT", "DELETE", "GET",   "HEAD",
                                          "OPTIONS", "POST", "PUT",    "TRACE"};
    for (int i = 1; i < (int)(sizeof methods / sizeof *methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return i;
    return OTHER;
}

/* Connections, which have no method or one of their own, are Network Activity. */
static bool is_http(const struct store_traffic *t)
{
    return *t->method && strcmp(t->method, "CONNECT") != 0 && strcmp(t->method, "TCP") != 0;
}

static json_t *begin_traffic(const struct store_traffic *t, bool http)
{
    enum { OPEN = 1, FAIL = 4, REFUSE = 5 };
    int activity = strcmp(t->verdict, "refused") == 0  ? REFUSE
                   : strcmp(t->verdict, "failed") == 0 ? FAIL
                                                       : OPEN;
    return http ? event(CATEGORY_NETWORK, CLASS_HTTP, http_activity(t->method), t->last_seen_ms,
                        NULL, t->changed, "traffic")
                : event(CATEGORY_NETWORK, CLASS_NETWORK, activity, t->last_seen_ms, NULL,
                        t->changed, "traffic");
}

static void add_verdict(json_t *e, const struct store_traffic *t)
{
    bool refused = strcmp(t->verdict, "refused") == 0, failed = strcmp(t->verdict, "failed") == 0;
    bool audited = strcmp(t->verdict, "audited") == 0;
    set(e, "severity_id", json_integer(refused || audited ? LOW : INFORMATIONAL));
    set(e, "status_id", json_integer(refused || failed ? FAILURE : SUCCESS));
    set(e, "status_detail", json_string(t->reason));
    set(e, "action_id", json_integer(refused ? DENIED : ALLOWED));
    set(e, "disposition_id", json_integer(refused   ? DISPOSITION_BLOCKED
                                          : audited ? DISPOSITION_LOGGED
                                                    : DISPOSITION_ALLOWED));
    if (*t->rule)
        set(e, "firewall_rule", json_pack("{s:s}", "name", t->rule));
    json_t *profiles = json_pack("[s]", "security_control");
    json_object_set_new(json_object_get(e, "metadata"), "profiles", profiles);
}

json_t *export_ocsf_traffic(const struct store_traffic *t, const char *sandbox)
{
    bool http = is_http(t);
    json_t *e = begin_traffic(t, http);
    add_verdict(e, t);
    set(e, "count", json_integer((json_int_t)t->count));
    set(e, "start_time", json_integer((json_int_t)t->first_seen_ms));
    set(e, "end_time", json_integer((json_int_t)t->last_seen_ms));
    set(e, "dst_endpoint", json_pack("{s:s, s:i}", "hostname", t->host, "port", (int)t->port));
    set(e, "src_endpoint", json_pack("{s:s, s:s}", "name", sandbox, "uid", t->sandbox_id));
    set(e, "connection_info", json_pack("{s:i}", "direction_id", 2));
    set(e, "actor", json_pack("{s:{s:{s:s, s:i}}}", "process", "file", "path", t->binary,
                              "type_id", 1));
    if (http)
        set(e, "http_request",
            json_pack("{s:s, s:{s:s, s:s, s:i}}", "http_method", t->method, "url", "hostname",
                      t->host, "path", t->path, "port", (int)t->port));
    set(e, "unmapped",
        json_pack("{s:s, s:I, s:b, s:s, s:s, s:s, s:s}", "verdict", t->verdict, "row",
                  (json_int_t)t->number, "unlisted", (int)!*t->host, "operation", t->operation,
                  "field", t->field, "rpc_method", t->rpc_method, "tool", t->tool));
    return e;
}
