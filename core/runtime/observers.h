/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a decision on an update, whoever asked for it: the pipeline's observers, in order. */
#ifndef RUNTIME_OBSERVERS_H
#define RUNTIME_OBSERVERS_H

#include "update/update.h"

enum { RUNTIME_OBSERVERS = 5 };
extern const struct update_observer runtime_observers[RUNTIME_OBSERVERS];   /* ctx: struct runtime * */

#endif
