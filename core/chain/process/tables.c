/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/tables.h"

#include "chain/options.h"

const struct message_code *const *tables_codes_of(const struct voter *voter, struct arena *arena,
                                                  size_t *n)
{
    const struct sluice_code *code = voter->codes;
    for (*n = 0; code && code[*n].code; (*n)++)
        continue;
    const struct message_code **out = arena_alloc(arena, (*n + 1) * sizeof *out);
    for (size_t i = 0; i < *n; i++) {
        struct message_code *row = arena_alloc(arena, sizeof *row);
        *row = (struct message_code){code[i].code, code[i].help ? code[i].help : ""};
        out[i] = row;
    }
    return out;
}

const struct message_option *const *tables_options_of(const struct voter *voter,
                                                      struct arena *arena, size_t *n)
{
    const struct sluice_option *table = voter->option_table;
    for (*n = 0; table && table[*n].name; (*n)++)
        continue;
    const struct message_option **out = arena_alloc(arena, (*n + 1) * sizeof *out);
    for (size_t i = 0; i < *n; i++) {
        struct message_option *row = arena_alloc(arena, sizeof *row);
        *row = (struct message_option){
            .name = table[i].name, .type = options_type_word(table[i].type),
            .fallback = table[i].fallback ? table[i].fallback : "",
            .has_fallback = table[i].fallback != NULL,
            .help = table[i].help ? table[i].help : "",
        };
        out[i] = row;
    }
    return out;
}

const struct sluice_code *tables_keep_codes(struct arena *arena,
                                            const struct message_opened *opened)
{
    struct sluice_code *codes = arena_zalloc(arena, (opened->n_codes + 1) * sizeof *codes);
    for (size_t i = 0; i < opened->n_codes; i++) {
        codes[i].code = arena_str(arena, opened->codes[i]->code);
        codes[i].help = arena_str(arena, opened->codes[i]->help);
    }
    return opened->any_code ? NULL : codes;
}

int tables_keep_options(struct arena *arena, const struct message_opened *opened,
                        const struct sluice_option **out, struct error *err)
{
    struct sluice_option *table = arena_zalloc(arena, (opened->n_option_table + 1) * sizeof *table);
    for (size_t i = 0; i < opened->n_option_table; i++) {
        const struct message_option *row = opened->option_table[i];
        table[i].name = arena_str(arena, row->name);
        table[i].fallback = row->has_fallback ? arena_str(arena, row->fallback) : NULL;
        table[i].help = arena_str(arena, row->help);
        if (options_type_parse(row->type, &table[i].type) != 0)
            return error_set(err, ERROR_MALFORMED, "it has an option of the unknown type %s",
                             row->type);
    }
    *out = opened->n_option_table ? table : NULL;
    return 0;
}
