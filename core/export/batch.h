/* SPDX-License-Identifier: Apache-2.0 */
/* What one request of an exporter sends.  Reads the store: blocks. */
#ifndef EXPORT_BATCH_H
#define EXPORT_BATCH_H

#include <jansson.h>

#include "export/settings.h"
#include "store/store.h"

struct batch {
    struct buf body;                                /* of the request; empty where n is 0 */
    size_t n;                                       /* records */
    uint64_t first, last;                           /* their places */
};

/* The records of a kind behind a place, at most limit.  The caller frees body, also after -1. */
int batch_read(struct store *store, const struct export_settings *s, enum export_kind kind,
               uint64_t after, size_t limit, struct batch *out, struct error *err);
/* The lines of the head of its request, with the secrets of the files.  -1: one cannot be read. */
int batch_fields(const struct export_settings *s, enum export_kind kind, const struct batch *batch,
                 json_t *fields, struct error *err);

#endif
