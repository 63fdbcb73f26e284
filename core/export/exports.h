/* SPDX-License-Identifier: Apache-2.0 */
/* All exporters of a gateway.  Any thread. */
#ifndef EXPORT_EXPORTS_H
#define EXPORT_EXPORTS_H

#include "export/exporter.h"

struct exports;

/* NULL: err says which cannot start.  Everything given is borrowed. */
struct exports *exports_start(const struct export_settings *const *settings, size_t n,
                              struct store *store, const char *fetcher, const struct log *log,
                              struct error *err);
size_t exports_count(const struct exports *all);    /* NULL: none */
struct exporter *exports_at(const struct exports *all, size_t i);
/* Blocks until none works any more.  NULL is fine, here and below. */
void exports_stop(struct exports *all);
void exports_free(struct exports *all);

#endif
