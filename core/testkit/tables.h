/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/testkit: the tables of a case file. */
#ifndef TESTKIT_TABLES_H
#define TESTKIT_TABLES_H

#include "doc/schema.h"

struct case_item;

/* request.c */
int decode_request(struct schema_decoder *d, const struct doc_node *value, void *item);

extern const struct schema case_file_schema, case_request_schema;

#endif
