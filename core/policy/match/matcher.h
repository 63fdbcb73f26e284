/* SPDX-License-Identifier: Apache-2.0 */
/* The few fields of a policy document that no table row alone can describe: ports, matchers and
 * parameters in their several spellings.  For core/policy/schema.c.  Any thread. */
#ifndef POLICY_MATCHER_H
#define POLICY_MATCHER_H

#include "doc/schema.h"

int policy_decode_port(struct schema_decoder *d, const struct doc_node *value, void *endpoint);
void policy_encode_port(const void *endpoint, struct doc_writer *w);
void policy_encode_ports(const void *endpoint, struct doc_writer *w);

/* A matcher is written as one glob, as {any: [glob, …]} or as {glob: glob}. */
int policy_decode_glob(struct schema_decoder *d, const struct doc_node *value, void *matcher);
int policy_decode_short_matcher(struct schema_decoder *d, const struct doc_node *value,
                                void *matcher);
bool policy_encode_short_matcher(const void *matcher, struct doc_writer *w);
int policy_finish_matcher(struct schema_decoder *d, void *matcher);

/* tool is params.name; nested params are dotted keys. */
int policy_decode_tool(struct schema_decoder *d, const struct doc_node *value, void *l7_rule);
void policy_encode_tool(const void *l7_rule, struct doc_writer *w);
int policy_decode_params(struct schema_decoder *d, const struct doc_node *value, void *l7_rule);
void policy_encode_params(const void *l7_rule, struct doc_writer *w);
int policy_finish_l7_rule(struct schema_decoder *d, void *l7_rule);

int policy_decode_config(struct schema_decoder *d, const struct doc_node *value, void *middleware);

#endif
