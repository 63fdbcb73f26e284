/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin install: unpacks a voter, has it loaded as a gateway would, and prints what to
 * write into the gateway's configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/plugin/bundle/voter.h"
#include "cli/plugin/plugin.h"
#include "testkit/file.h"

struct installation {
    const struct cli *cli;
    struct bundle *bundle;
    struct voter_entry entry;
    struct voter_facts facts;
    const char *place, *folder;                     /* folder: of the voter, within place */
};

/* ---- what comes ---- */

static int check_digest(const struct cli *cli, const struct buf *bytes, struct error *err)
{
    char sha256[DIGEST_HEX_SIZE];
    const char *wanted = arg_value(cli, "sha256");
    digest_of(buf_str(bytes), bytes->len, sha256);
    return !wanted || strcasecmp(wanted, sha256) == 0
               ? 0
               : error_set(err, ERROR_INVALID,
                           "its digest is %s, not that of --sha256: nothing of it was unpacked",
                           sha256);
}

static int read_archive(struct installation *in, const char *path, struct error *err)
{
    struct buf bytes = {0};
    int rc = file_read(path, BUNDLE_BYTES_MAX, &bytes, err);
    if (rc == 0)
        rc = check_digest(in->cli, &bytes, err);
    if (rc == 0)
        rc = gzip_unpack(&bytes, BUNDLE_BYTES_MAX + BUNDLE_FILES_MAX * 1024, err);
    if (rc == 0)
        rc = bundle_read_tar(buf_str(&bytes), bytes.len, in->bundle, err);
    if (rc == 0)
        rc = voter_read(in->bundle, &in->entry, err);
    buf_free(&bytes);
    return rc;
}

static int read_folder(struct installation *in, const char *path, struct error *err)
{
    const char *const dirs[] = {NULL};
    return voter_gather(path, dirs, in->bundle, &in->entry, err);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- where it goes ---- */

/* It names the folder. */
static int check_name(const char *name, struct error *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(name);
    return len && len <= 64 && strspn(name, letters) == len && *name != '-'
               ? 0
               : error_set(err, ERROR_INVALID, "the voter calls itself '%.80s', which names no "
                                               "folder", name);
}

/* Puts the copy in the place of the folder. */
static int move_in(struct installation *in, const char *copy, struct error *err)
{
    char *old = alloc_printf("%s.old", copy);
    bool replaces = is_folder(in->folder);
    int rc = 0;
    if (replaces && !arg_given(in->cli, "replace"))
        rc = error_set(err, ERROR_EXISTS, "%s is there already: --replace puts this one in its "
                                          "place", in->folder);
    else if ((replaces && rename(in->folder, old) != 0) || rename(copy, in->folder) != 0)
        rc = error_errno(err, ERROR_IO, "cannot make %s", in->folder);
    if (rc == 0 && replaces)
        rc = folder_remove(old, err);
    free(old);
    return rc;
}

/* The digest of a program counts its place. */
static int install(struct installation *in, struct error *err)
{
    struct error ignored;
    char *copy;
    if (voter_unpack(in->bundle, &in->entry, in->place, &in->facts, &copy, err) != 0)
        return -1;
    int rc = check_name(in->facts.name, err);
    in->folder = arena_printf(in->bundle->arena, "%s/%s", in->place, in->facts.name);
    if (rc == 0)
        rc = move_in(in, copy, err);
    if (rc != 0)
        folder_remove(copy, &ignored);
    free(copy);
    return rc == 0 ? voter_load(&in->entry, in->folder, in->bundle->arena, &in->facts, err) : rc;
}

/* ---- what to do next ---- */

static json_t *entry_json(const struct installation *in)
{
    json_t *json = json_object(), *command = json_array();
    for (size_t i = 0; i < in->entry.n_command; i++) {
        const char *word = in->entry.command[i];
        json_array_append_new(command, strncmp(word, "./", 2) == 0
                                           ? json_sprintf("%s/%s", in->folder, word + 2)
                                           : json_string(word));
    }
    if (*in->entry.plugin)
        json_object_set_new(json, "plugin", json_string(in->entry.plugin));
    if (*in->entry.script)
        json_object_set_new(json, "script", json_sprintf("%s/%s", in->folder, in->entry.script));
    if (in->entry.n_command)
        json_object_set(json, "command", command);
    if (in->entry.threads)
        json_object_set_new(json, "threads", json_integer(in->entry.threads));
    json_object_set_new(json, "sha256", json_string(in->facts.sha256));
    json_decref(command);
    return json;
}

static void print_installed(const struct installation *in)
{
    const struct cli *cli = in->cli;
    json_t *entry = entry_json(in);
    if (cli->output != OUT_TABLE) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", in->facts.name, "version",
                                 in->facts.version, "kind", in->facts.kind, "folder", in->folder,
                                 "voter", entry);
        print_json(cli, json);
        json_decref(json);
        return;
    }
    struct buf text = {0};
    json_t *list = json_pack("[o]", entry);
    print_yaml(list, &text);
    say(cli, "✓ Installed %s %s in %s", in->facts.name, in->facts.version, in->folder);
    if (*in->entry.plugin)
        say(cli, "add this folder to chain.plugin_dirs of the gateway's configuration, and to "
                 "chain.voters, beside those that vote now:");
    else
        say(cli, "add to chain.voters of the gateway's configuration, beside those that vote now:");
    terminal_lines(stdout, "", buf_str(&text));
    fflush(stdout);
    say(cli, "then: sluice plugin reload");
    json_decref(list);
    buf_free(&text);
}

static int run(struct installation *in, const char *from)
{
    struct error err;
    char *place = realpath(in->place, NULL);
    int rc = place && access(place, W_OK) == 0
                 ? 0
                 : error_errno(&err, ERROR_NOT_FOUND,
                               "%s cannot be written, --to DIR names another place", in->place);
    if (rc == 0) {
        in->place = place;
        rc = is_folder(from) ? read_folder(in, from, &err) : read_archive(in, from, &err);
    }
    if (rc == 0)
        rc = install(in, &err);
    if (rc == 0)
        print_installed(in);
    else
        complain("%s is not installed: %s", from, err.text);
    free(place);
    return rc == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int cmd_plugin_install(struct cli *cli)
{
    const char *place = arg_value(cli, "to"), *sha256 = arg_value(cli, "sha256");
    struct installation in = {.cli = cli, .place = place ? place : "/etc/sluice/rules"};
    if (!cli->n_operands)
        return usage_error(cli,
                           "which voter? give an archive of sluice plugin publish, or a folder");
    if (access(cli->operands[0], R_OK) != 0) {
        complain("cannot read %s: %s", cli->operands[0], strerror(errno));
        return EXIT_USAGE;
    }
    if (sha256 && (strlen(sha256) != DIGEST_HEX_SIZE - 1 ||
                   strspn(sha256, "0123456789abcdefABCDEF") != DIGEST_HEX_SIZE - 1))
        return usage_error(cli, "--sha256 is 64 hexadecimal digits, not '%s'", sha256);
    if (sha256 && is_folder(cli->operands[0]))
        return usage_error(cli, "--sha256 is the digest of an archive, and %s is a folder",
                           cli->operands[0]);
    in.bundle = alloc_zero(1, sizeof *in.bundle);
    in.bundle->arena = arena_new();
    int code = run(&in, cli->operands[0]);
    bundle_free(in.bundle);
    arena_free(in.bundle->arena);
    free(in.bundle);
    return code;
}
