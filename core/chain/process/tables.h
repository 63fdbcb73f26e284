/* SPDX-License-Identifier: Apache-2.0 */
/* Converts a voter's tables of codes and options to messages, and messages back to tables.
 *
 * Ownership: everything lives in the arena.  Any thread. */
#ifndef CHAIN_PROCESS_TABLES_H
#define CHAIN_PROCESS_TABLES_H

#include "chain/process/message.h"
#include "chain/voter.h"

const struct message_code *const *tables_codes_of(const struct voter *voter, struct arena *arena,
                                                  size_t *n);
const struct message_option *const *tables_options_of(const struct voter *voter,
                                                      struct arena *arena, size_t *n);

/* NULL: any code may be cast. */
const struct sluice_code *tables_keep_codes(struct arena *arena,
                                            const struct message_opened *opened);
int tables_keep_options(struct arena *arena, const struct message_opened *opened,
                        const struct sluice_option **out, struct error *err);

#endif
