/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a decision on an update, whoever asked for it: the pipeline's observers, in order. */
#ifndef RUNTIME_OBSERVERS_H
#define RUNTIME_OBSERVERS_H

#include "update/update.h"

enum { SANDBOXES_OBSERVERS = 5 };
extern const struct update_observer sandboxes_observers[SANDBOXES_OBSERVERS];   /* ctx: struct sandboxes * */

#endif
