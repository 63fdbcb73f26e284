/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/testkit: the files of new/. */
#ifndef TESTKIT_SCAFFOLD_FILES_H
#define TESTKIT_SCAFFOLD_FILES_H

#include "base/embedded.h"

extern const struct embedded_file scaffold_files[];

#endif
