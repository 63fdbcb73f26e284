/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/console: the files of page/. */
#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

#include "base/embedded.h"

extern const struct embedded_file console_files[];

#endif
