/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline's observers in their order: what happens after each update, whoever asked for it. */
#ifndef RUNTIME_OBSERVERS_H
#define RUNTIME_OBSERVERS_H

#include "update/update.h"

enum { RUNTIME_OBSERVERS = 5 };
/* Ctx: struct runtime *. */
extern const struct update_observer runtime_observers[RUNTIME_OBSERVERS];

#endif
