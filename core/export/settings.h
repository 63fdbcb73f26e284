/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration says of one exporter.  Lives in the arena it was decoded into. */
#ifndef EXPORT_SETTINGS_H
#define EXPORT_SETTINGS_H

#include "base/error.h"
#include "doc/schema.h"

/* What is exported. */
#define EXPORT_KINDS_OF_RECORDS(X) \
    X(AUDIT, "audit")              \
    X(TRAFFIC, "traffic")

enum export_kind {
#define X(id, word) EXPORT_##id,
    EXPORT_KINDS_OF_RECORDS(X)
#undef X
    EXPORT_KINDS
};

const char *export_kind_word(enum export_kind kind);

enum { EXPORT_SECRET_MAX = 16 * 1024, EXPORT_EXPORTERS_MAX = 16 };

struct export_settings {
    const char *name;
    const char *type;                               /* "otlp" or "webhook" */
    const char *url;
    const char *format;                             /* "native" or "ocsf" */
    const char *const *records;                     /* words of kinds; none: all */
    size_t n_records;
    const char *token_file, *headers_file, *key_file, *ca;      /* "": none */
    bool insecure;
    uint32_t batch_records, batch_bytes, interval_ms, timeout_ms;
};

extern const struct schema export_settings_schema;

bool export_settings_has(const struct export_settings *s, enum export_kind kind);
bool export_settings_same(const struct export_settings *a, const struct export_settings *b);
/* The same, where relative paths count from a folder. */
const struct export_settings *export_settings_below(const struct export_settings *s,
                                                    const char *folder, struct arena *arena);
/* The URL that records are sent to. */
const char *export_settings_target(const struct export_settings *s, struct arena *arena);
/* The URL without its query, which may have secrets. */
const char *export_settings_shown(const struct export_settings *s, struct arena *arena);
/* NULL: the files can be read, and nobody else may write them.  Else why not. */
const char *export_settings_files(const struct export_settings *s, struct arena *arena);
/* The contents of a file of secrets, which the caller wipes, without white space at the end. */
int export_read_secret(const char *path, struct buf *out, struct error *err);

#endif
