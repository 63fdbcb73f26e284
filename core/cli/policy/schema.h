/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli: tables of documents as JSON Schemas, for editors. */
#ifndef CLI_POLICY_SCHEMA_H
#define CLI_POLICY_SCHEMA_H

#include "cli/cli.h"
#include "doc/schema.h"

/* Of a document in YAML.  The caller frees it. */
json_t *schema_for_editors(const struct schema *schema);
/* Takes described. */
void print_schema(const struct cli *cli, const char *title, json_t *described);

#endif
