/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exports.h"

#include <stdlib.h>

#include "base/alloc.h"

struct exports {
    struct exporter *items[EXPORT_EXPORTERS_MAX];
    size_t n;
    bool stopped;
};

struct exports *exports_start(const struct export_settings *const *settings, size_t n,
                              struct store *store, const char *fetcher, const struct log *log,
                              struct error *err)
{
    struct exports *all = alloc_zero(1, sizeof *all);
    for (size_t i = 0; i < n && i < EXPORT_EXPORTERS_MAX; i++) {
        struct exporter *e = exporter_start(settings[i], store, fetcher, log, err);
        if (!e) {
            exports_stop(all);
            exports_free(all);
            return NULL;
        }
        all->items[all->n++] = e;
    }
    return all;
}

size_t exports_count(const struct exports *all)
{
    return all ? all->n : 0;
}

struct exporter *exports_at(const struct exports *all, size_t i)
{
    return all->items[i];
}

void exports_stop(struct exports *all)
{
    for (size_t i = 0; all && !all->stopped && i < all->n; i++)
        exporter_stop(all->items[i]);
    if (all)
        all->stopped = true;
}

void exports_free(struct exports *all)
{
    for (size_t i = 0; all && i < all->n; i++)
        exporter_free(all->items[i]);
    free(all);
}
