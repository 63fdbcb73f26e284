/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in pages and by label, and words that are upper-case in messages.  Within the grpc
 * folder. */
#ifndef GRPC_PAGE_H
#define GRPC_PAGE_H

#include "grpc/work.h"

/* What of a list the request asks for. */
int grpc_page(struct grpc_work *work, size_t *offset, size_t *limit);
/* There is more. */
void grpc_put_next_page(struct doc_writer *w, size_t next);
/* Whether labels, an object of texts, have all that the request's label_selector asks for.  -1: it
 * is no selector. */
int grpc_selected(struct grpc_work *work, const char *labels_json);
/* A status or phase of ours, which is lower-case. */
void grpc_put_word(struct doc_writer *w, const char *field, const char *word);

#endif
