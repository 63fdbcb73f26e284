/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON members into an arena, with the member named in each error.
 *
 * Every read_* function returns 0 or -1 with err filled.  "May be absent" ones leave *out as it is
 * when the member is missing or null.  Any thread. */
#ifndef SANDBOX_WIRE_JSON_H
#define SANDBOX_WIRE_JSON_H

#include "sandbox/wire/spec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

struct json_reader {
    const json_t *object;
    struct arena *arena;
    struct error *err;
};

int sandbox_json_text(const struct json_reader *r, const char *member, const char **out);
int sandbox_json_optional_text(const struct json_reader *r, const char *member, const char **out);
int sandbox_json_number(const struct json_reader *r, const char *member, uint64_t max,
                        uint64_t *out);
int sandbox_json_optional_number(const struct json_reader *r, const char *member, uint64_t max,
                                 uint64_t *out);
int sandbox_json_flag(const struct json_reader *r, const char *member, bool *out);
/* Arrays and objects; an absent one is empty. */
int sandbox_json_texts(const struct json_reader *r, const char *member, const char *const **out,
                       size_t *n);
int sandbox_json_pairs(const struct json_reader *r, const char *member, struct spec_pair **out,
                       size_t *n);

/* New references. */
json_t *sandbox_json_of_texts(const char *const *texts, size_t n);
json_t *sandbox_json_of_pairs(const struct spec_pair *pairs, size_t n);
/* Null for NULL. */
json_t *sandbox_json_of_text(const char *text);

#endif
