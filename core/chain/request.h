/* SPDX-License-Identifier: Apache-2.0 */
/* Schema tables of struct sluice_request, for Lua and for the wire to isolated voters.
 *
 * On the wire a body is base64, headers are pairs in a list, and a character of programs, path,
 * query and headers stands for one byte (ISO-8859-1), as these need not be UTF-8. */
#ifndef CHAIN_REQUEST_H
#define CHAIN_REQUEST_H

#include "doc/schema.h"
#include <sluice/request.h>

extern const struct schema chain_request_schema, chain_response_schema;

void chain_write_bytes(struct doc_writer *w, const char *bytes);
int chain_read_bytes(struct schema_decoder *d, const struct doc_node *value, const char **out);

/* What Lua has its own values for. */
bool chain_request_is_headers(const struct schema_field *field, const void *record,
                              const struct sluice_header **headers, size_t *n);
bool chain_request_is_body(const struct schema_field *field, const void *record,
                           const char **body, size_t *len);

#endif
