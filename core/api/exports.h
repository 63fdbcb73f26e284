/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: how an exporter stands with the records of a kind.  Worker thread. */
#ifndef API_EXPORTS_H
#define API_EXPORTS_H

#include "api/call.h"
#include "export/exports.h"

struct api_exported {
    const char *exporter, *records;                 /* names */
    struct export_stream_status status;
    uint64_t taken;                                 /* the place of the last record */
    uint64_t waiting;                               /* records that it has not taken */
    uint64_t missed;                                /* that went from the store before */
};

int api_read_exported(struct api_call *call, struct exporter *e, enum export_kind kind,
                      struct api_exported *out);

#endif
