/* SPDX-License-Identifier: Apache-2.0 */
/* spec.template of a sandbox.  Within the grpc folder. */
#ifndef GRPC_TEMPLATE_H
#define GRPC_TEMPLATE_H

#include "grpc/work.h"
#include "runtime/record.h"

/* What it asks for, in out, whose environment is then that of the spec too.  -1: it asks for what a
 * sandbox would not have. */
int grpc_read_template(struct grpc_work *work, const struct doc_node *spec,
                       struct sandbox_wanted *out);
/* The member of a spec, where there was one. */
void grpc_put_template(struct doc_writer *w, const struct store_sandbox *s);
/* A member of conditions: an image is on record, and never used. */
void grpc_put_image_condition(struct doc_writer *w, const struct store_sandbox *s);

#endif
