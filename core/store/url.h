/* SPDX-License-Identifier: Apache-2.0 */
/* Where a store is.  What is returned lives in the arena given. */
#ifndef STORE_URL_H
#define STORE_URL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* For messages and help texts. */
#define STORE_URL_FORMS "sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE"

bool store_url_valid(const char *url);
/* The same without a password, for messages. */
const char *store_url_shown(struct arena *arena, const char *url);
/* The store of a gateway whose state is in this folder and that names no store. */
const char *store_url_in(struct arena *arena, const char *folder);
/* The store in a file, as store_copy makes one. */
const char *store_url_of_file(struct arena *arena, const char *path);
/* The same store, where a relative path counts from a folder. */
const char *store_url_below(struct arena *arena, const char *url, const char *folder);
/* Every file of this host that the store may use, the main one first, NULL at the end. */
const char *const *store_url_files(struct arena *arena, const char *url);

/* Whether the store may be opened or made there: if it has files, their folder is there, nobody
 * else can replace what is in it (base/trusted_path.h), and none of them is a link or belongs to
 * somebody else.  also: one more user who is trusted with them, 0 for none.  ERROR_FORBIDDEN names
 * the path and the cure. */
int store_check_place(const char *url, uid_t also, struct error *err);

#endif
