/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the store as they are exported.  Pure; any thread. */
#ifndef EXPORT_RECORD_H
#define EXPORT_RECORD_H

#include <jansson.h>

#include "base/buf.h"
#include "store/store.h"

/* A part of a record, as the candidate, that has more bytes than this is null, and "omitted" names
 * it: the gateway's API has it. */
enum { EXPORT_PART_MAX = 64 * 1024 };

/* As the API names things.  Each is a new reference. */
json_t *export_native_audit(const struct store_decision *d);
json_t *export_native_traffic(const struct store_traffic *t, const char *sandbox);
/* Events of OCSF 1.3.0: Entity Management, Network Activity and HTTP Activity. */
json_t *export_ocsf_audit(const struct store_decision *d);
json_t *export_ocsf_traffic(const struct store_traffic *t, const char *sandbox);

/* One log record of OTLP/JSON with the record as its body, appended to out. */
struct export_log {
    const char *kind;                               /* "audit" or "traffic" */
    const char *sandbox;
    uint64_t sequence;
    int64_t at_ms;
    bool warn;                                      /* something was refused */
};
void export_otlp_log(const struct export_log *log, const json_t *record, struct buf *out);
/* What stands before and after the log records of a request. */
void export_otlp_begin(struct buf *out);
void export_otlp_end(struct buf *out);
/* How many records an answer of success says were not taken; *why: its word for it, or "". */
uint64_t export_otlp_rejected(const char *answer, char why[256]);

#endif
