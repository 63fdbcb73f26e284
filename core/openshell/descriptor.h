/* SPDX-License-Identifier: Apache-2.0 */
/* A google.protobuf.FileDescriptorProto of the tables, for gRPC reflection.  Any thread. */
#ifndef OPENSHELL_DESCRIPTOR_H
#define OPENSHELL_DESCRIPTOR_H

#include "base/buf.h"

#define OPENSHELL_FILE "openshell.proto"

/* Appends the file: the service openshell.v1.OpenShell with all methods that have tables, and their
 * messages as the newer wire has them.  Names of messages that policies are made of, and of enums,
 * are our own; numbers and types are those of the wire. */
void openshell_descriptor(struct buf *out);

#endif
