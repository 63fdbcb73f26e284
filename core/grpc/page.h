/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in pages, and words that are upper-case in messages.  Within the grpc folder. */
#ifndef GRPC_PAGE_H
#define GRPC_PAGE_H

#include "grpc/work.h"

/* What of a list the request asks for. */
int grpc_page(struct grpc_work *work, size_t *offset, size_t *limit);
/* There is more. */
void grpc_put_next_page(struct doc_writer *w, size_t next);
/* A status or phase of ours, which is lower-case. */
void grpc_put_word(struct doc_writer *w, const char *field, const char *word);

#endif
