/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files that no sandbox may see, or write: those of a gateway or of a host's agent.
 *
 * Everything lives in the list's arena.  Any thread; these read the file system. */
#ifndef SANDBOX_SITE_OWN_PATHS_H
#define SANDBOX_SITE_OWN_PATHS_H

#include <stddef.h>

struct arena;

struct own_paths {
    struct arena *arena;
    const char **items;
    size_t n;
    struct own_paths *links;                        /* the links that lead to the items */
};

/* Adds the absolute path and the path without links, and each link on the way to its links: whoever
 * can replace a link decides what is read next. */
void own_paths_add(struct own_paths *list, const char *path);
/* Our programs and the plugin folders beside them, and bubblewrap; NULL: there is none. */
void own_paths_add_programs(struct own_paths *read_only, const char *bwrap);
/* Folders that the loader, the TLS library and the shell search because of the environment. */
void own_paths_add_environment(struct own_paths *read_only);

#endif
