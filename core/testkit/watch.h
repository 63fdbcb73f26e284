/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for a change of the files that tests depend on: the folders of case files, voters, chains
 * and policies, and those that were named.
 *
 * Ownership: watch_new and watch_free.  One thread. */
#ifndef TESTKIT_WATCH_H
#define TESTKIT_WATCH_H

#include "base/error.h"
#include "testkit/stage.h"

struct watch;

/* NULL with err. */
struct watch *watch_new(struct error *err);
void watch_free(struct watch *watch);

/* Call it before the files are read, so that no change is missed.  Folders are watched
 * recursively. */
void watch_path(struct watch *watch, const char *path);
void watch_suite(struct watch *watch, const struct suite *suite,
                 const struct stage_settings *settings);

/* Blocks until something changed and changes paused.  Returns the name of a changed file, valid
 * until the next call; NULL when a signal asks the program to end. */
const char *watch_wait(struct watch *watch);

#endif
