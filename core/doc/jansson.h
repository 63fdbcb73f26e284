/* SPDX-License-Identifier: Apache-2.0 */
/* Values of jansson to and from a writer (writer.h).  Any thread. */
#ifndef DOC_JANSSON_H
#define DOC_JANSSON_H

#include <jansson.h>

#include "doc/writer.h"

/* NULL is written as null. */
void doc_write_jansson(struct doc_writer *w, const json_t *value);

struct doc_jansson_writer {
    struct doc_writer writer;
    json_t *root, **open;                           /* open lists and maps, outermost first */
    size_t depth;
    const char *at;                                 /* the key of the value that is being written */
};

struct doc_writer *doc_jansson_writer(struct doc_jansson_writer *jansson);
/* What was written, as a new reference; NULL: nothing was. */
json_t *doc_jansson_writer_end(struct doc_jansson_writer *jansson);

#endif
