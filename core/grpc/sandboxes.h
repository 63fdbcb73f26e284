/* SPDX-License-Identifier: Apache-2.0 */
/* The message of a sandbox.  Within the grpc folder; any thread. */
#ifndef GRPC_SANDBOXES_H
#define GRPC_SANDBOXES_H

#include "grpc/work.h"

/* r: its policy; NULL: without. */
void grpc_put_sandbox(struct doc_writer *w, const struct store_sandbox *s,
                      const struct store_revision *r, const char *phase);

/* The answer's field sandbox, with its policy. */
int grpc_answer_sandbox(struct grpc_work *work, struct doc_writer *w,
                        const struct store_sandbox *s, const char *phase);

#endif
