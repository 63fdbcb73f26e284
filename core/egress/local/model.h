/* SPDX-License-Identifier: Apache-2.0 */
/* The member model of a JSON object (RFC 8259), overwritten in its text: all else of it stays to
 * the byte, and no tree of its values is built, which could be large where the text is small.
 * Pure, any thread. */
#ifndef EGRESS_LOCAL_MODEL_H
#define EGRESS_LOCAL_MODEL_H

#include "base/buf.h"

/* model "": the body stays as it is.  -1: it is no JSON object, or one that servers could read
 * differently: members of one name, in any case, or escapes in the names of members. */
int model_set(struct buf *body, const char *model);

#endif
