/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that we run.  They are found once, so that later changes to PATH or its folders have no
 * effect.  Any thread. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* The first program of that name in PATH that nobody but root and ourselves can replace, without
 * links; the caller frees it.  NULL: err names what was passed over, and why. */
char *program_find(const char *name, struct error *err);

/* The program of that name in the folder of this one, whether it is there or not; the caller frees
 * it. */
char *program_beside(const char *name);

/* 0 when the program, which has an absolute path, and each folder on the way belong to root or to
 * us and nobody else may write them. */
int program_check(const char *path, struct error *err);

/* Also in a user namespace that has no uid for the host's root. */
bool program_owner_is_root(uid_t uid);

#endif
