/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's options: one table with types, defaults and help.
 *
 * The gateway reads the configuration by this table, refuses what is unknown or ill-typed before
 * init() is called, and fills in defaults. */
#ifndef SLUICE_OPTION_H
#define SLUICE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sluice_option_type {
    SLUICE_TEXT,
    SLUICE_INTEGER,
    SLUICE_BOOLEAN,
    SLUICE_DURATION, /* "250ms", "30s", "5m", "8h", "7d"; read as milliseconds */
    SLUICE_LIST,                                    /* of texts */
};

struct sluice_option {
    const char *name;                               /* the table ends with a row without a name */
    enum sluice_option_type type;
    const char *fallback; /* default as text, a list's separated by commas; NULL: none */
    const char *help;
};

/* The options of one voter, complete and checked.  Lives as long as the voter. */
struct sluice_options {
    uint32_t size;
    void *gateway;
    /* NULL, 0 or false where the option has neither a value nor a default. */
    const char *(*text)(const struct sluice_options *o, const char *name);
    /* Also durations, in ms. */
    int64_t (*integer)(const struct sluice_options *o, const char *name);
    bool (*boolean)(const struct sluice_options *o, const char *name);
    const char *const *(*list)(const struct sluice_options *o, const char *name, size_t *n);
};

static inline const char *sluice_option_text(const struct sluice_options *o, const char *name)
{
    return o->text(o, name);
}

static inline int64_t sluice_option_integer(const struct sluice_options *o, const char *name)
{
    return o->integer(o, name);
}

static inline bool sluice_option_boolean(const struct sluice_options *o, const char *name)
{
    return o->boolean(o, name);
}

static inline const char *const *sluice_option_list(const struct sluice_options *o,
                                                    const char *name, size_t *n)
{
    return o->list(o, name, n);
}

#endif
