/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli/plugin: which voter a folder is about, as its case files say, and what of it goes
 * into a bundle. */
#ifndef CLI_PLUGIN_BUNDLE_VOTER_H
#define CLI_PLUGIN_BUNDLE_VOTER_H

#include "cli/plugin/bundle/bundle.h"

/* One of plugin (a name), script (a file) or command (of which words with a slash are files); files
 * are relative to the folder. */
struct voter_entry {
    const char *plugin, *script;                    /* "" unless it is this */
    const char **command;
    size_t n_command;
    uint32_t threads;                               /* that the command may start */
};

struct voter_facts {
    const char *name, *version, *kind, *sha256;
};

/* The file of a bundle that says what its voter is. */
#define VOTER_FILE "voter.json"

/* Adds the voter, its case files and what they use, README.md and VOTER_FILE.  plugin_dirs: where a
 * plugin may be, besides the folder and what its build makes; NULL ends.  -1 with err. */
int voter_gather(const char *folder, const char *const *plugin_dirs, struct bundle *out,
                 struct voter_entry *entry, struct error *err);
/* What VOTER_FILE says. */
int voter_read(const struct bundle *bundle, struct voter_entry *out, struct error *err);
/* Loads it from the folder, as a gateway would, in a process of its own.  The texts live in the
 * arena. */
int voter_load(const struct voter_entry *entry, const char *folder, struct arena *arena,
               struct voter_facts *out, struct error *err);
/* Unpacks it into a new folder in place, which the caller removes and frees, and loads it there:
 * what is not in the bundle is not there.  -1: there is no folder. */
int voter_unpack(const struct bundle *bundle, const struct voter_entry *entry, const char *place,
                 struct voter_facts *facts, char **folder, struct error *err);

#endif
