/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/exports: how far each exporter is, also for /metrics. */
#include "api/exports.h"

#include "api/routes.h"

int api_read_exported(struct api_call *call, struct exporter *e, enum export_kind kind,
                      struct api_exported *out)
{
    const struct export_settings *s = exporter_settings(e);
    struct store_export record;
    uint64_t audit, traffic;
    exporter_status(e, kind, &out->status);
    if (store_export_get(call->api->store, s->name, call->arena, &record, &call->err) != 0 ||
        store_export_waiting(call->api->store, &record, &audit, &traffic, &call->err) != 0)
        return -1;
    out->exporter = s->name;
    out->records = export_kind_word(kind);
    out->taken = kind == EXPORT_AUDIT ? record.audit : record.traffic;
    out->waiting = kind == EXPORT_AUDIT ? audit : traffic;
    out->missed = kind == EXPORT_TRAFFIC ? record.traffic_missed : 0;
    return 0;
}

static json_t *encode_kind(struct api_call *call, const struct api_exported *x)
{
    const struct export_stream_status *s = &x->status;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:s?, s:s?}", "records",
                     x->records, "state", export_state_word(s->state), "taken",
                     (json_int_t)x->taken, "waiting", (json_int_t)x->waiting, "sent",
                     (json_int_t)s->sent, "refused", (json_int_t)s->refused, "missed",
                     (json_int_t)x->missed, "failed", (json_int_t)s->failed, "last_sent_at",
                     api_time(call->arena, s->sent_at_ms), "last_failed_at",
                     api_time(call->arena, s->failed_at_ms), "last_error",
                     *s->error ? s->error : NULL);
}

static int encode(struct api_call *call, struct exporter *e, json_t *all)
{
    const struct export_settings *s = exporter_settings(e);
    json_t *records = json_array();
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", s->name, "type",
                                         s->type, "url", export_settings_shown(s, call->arena),
                                         "format", s->format, "records", records));
    for (int kind = 0; kind < EXPORT_KINDS; kind++) {
        struct api_exported x;
        if (!export_settings_has(s, (enum export_kind)kind))
            continue;
        if (api_read_exported(call, e, (enum export_kind)kind, &x) != 0)
            return -1;
        json_array_append_new(records, encode_kind(call, &x));
    }
    return 0;
}

int route_export_list(struct api_call *call)
{
    const struct exports *exports = call->api->exports;
    json_t *all = json_array();
    for (size_t i = 0; i < exports_count(exports); i++)
        if (encode(call, exports_at(exports, i), all) != 0) {
            json_decref(all);
            return -1;
        }
    return api_reply(call, 200, json_pack("{s:o}", "exports", all));
}
