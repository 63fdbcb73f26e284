/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of OpenShell's gRPC services, of both wires.  Any thread. */
#ifndef OPENSHELL_METHODS_H
#define OPENSHELL_METHODS_H

#include "doc/schema.h"

/* Which side sends more than one message. */
enum openshell_stream {
    OPENSHELL_UNARY,
    OPENSHELL_ANSWERS,                              /* the server */
    OPENSHELL_REQUESTS,                             /* the client */
    OPENSHELL_BOTH,
};

struct openshell_method {
    const char *path;                               /* such as /openshell.v1.OpenShell/Health */
    enum openshell_stream stream;
    const struct schema *request, *answer; /* NULL: of supervisors and peers, which are ours */
};

extern const struct openshell_method openshell_methods[];   /* ends with one without a path */

const struct openshell_method *openshell_find_method(const char *path);     /* NULL: unknown */

#endif
