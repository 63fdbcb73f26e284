/* SPDX-License-Identifier: Apache-2.0 */
/* One exporter: a thread that reads records of the store, sends them to a receiver, and notes in
 * the store what that has taken.
 *
 * Each record is sent at least once, those of the audit chain in its order.  A batch counts as
 * taken once the receiver has answered 2xx; then its place is noted in the store, durably, before
 * the next is sent.  A request that fails is sent again, later each time, 60 s at most or what
 * Retry-After says; with fewer records after 400, 413 and 422.  Nothing is left out: a record that
 * the receiver will not take stops those behind it, and is said to.
 *
 * Of the gateways of a store one sends the records of an exporter.  Another one takes over
 * EXPORT_HOLD_MS and the time of a request after it has said last that it does.
 *
 * Ownership: everything given is borrowed and outlives the exporter.  Any thread. */
#ifndef EXPORT_EXPORTER_H
#define EXPORT_EXPORTER_H

#include "base/log.h"
#include "export/settings.h"
#include "store/store.h"

/* How it stands with the records of a kind. */
#define EXPORT_STATES(X)                                                    \
    X(SENDING,  "sending",  "the last request was taken, if there was one") \
    X(RETRYING, "retrying", "the last request failed; it is sent again")    \
    X(REFUSED,  "refused",  "the receiver will not take the next records")  \
    X(STANDBY,  "standby",  "another gateway of the store sends them")

enum export_state {
#define X(id, word, meaning) EXPORT_##id,
    EXPORT_STATES(X)
#undef X
};

enum { EXPORT_HOLD_MS = 15000 };

struct export_stream_status {
    enum export_state state;
    uint64_t sent, refused; /* records since the start; refused: that an answer of success names */
    uint64_t failed;                                /* requests since the start */
    int64_t sent_at_ms, failed_at_ms;               /* the last times; 0: never */
    char error[256];                                /* of the last failure, "" before the first */
};

struct exporter;

struct exporter *exporter_start(const struct export_settings *settings, struct store *store,
                                const char *fetcher, const struct log *log, struct error *err);
const struct export_settings *exporter_settings(const struct exporter *e);
void exporter_status(struct exporter *e, enum export_kind kind, struct export_stream_status *out);
const char *export_state_word(enum export_state state);
/* Ends its thread; what is being sent is given up, and sent again after the next start. */
void exporter_stop(struct exporter *e);
void exporter_free(struct exporter *e);             /* after exporter_stop; NULL is fine */

#endif
