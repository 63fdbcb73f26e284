/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin publish: runs a voter's cases and packs it with them into an archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/plugin/bundle/voter.h"
#include "cli/plugin/plugin.h"
#include "testkit/file.h"

static int failed(const char *what, const struct error *err)
{
    complain("%s: %s", what, err->text);
    return EXIT_REFUSED;
}

/* A plugin is where its build put it, or beside its cases. */
static const char **voter_dirs(const struct plugin_stage *stage, const char *folder,
                               struct arena *arena)
{
    size_t n = stage->settings.n_plugin_dirs;
    const char **dirs = arena_zalloc(arena, (n + 3) * sizeof *dirs);
    size_t used = 0;
    if (!stage->shipped)
        for (size_t i = 0; i < n; i++)
            dirs[used++] = stage->settings.plugin_dirs[i];
    dirs[used++] = arena_printf(arena, "%s/build/plugins", folder);
    dirs[used] = folder;
    return dirs;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* The report goes to stderr: stdout has what was made. */
static int run_cases(const struct plugin_stage *stage, const char *folder,
                     const char *const *dirs)
{
    enum { SECONDS = 30 };
    struct testkit_options o = {.paths = &folder,
                                .n_paths = 1,
                                .stage = stage->settings,
                                .jobs = 1,
                                .repeat = 1,
                                .timeout_s = SECONDS,
                                .min_cover = -1};
    o.stage.plugin_dirs = dirs;
    o.stage.n_plugin_dirs = count(dirs);
    fflush(stdout);
    int own = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    int code = testkit_test(&o);
    fflush(stdout);
    dup2(own, STDOUT_FILENO);
    close(own);
    if (code != TESTKIT_PASSED)
        complain("%s is not published: its cases do not pass", folder);
    return code;
}

static int write_archive(const char *path, const struct buf *bytes, struct error *err)
{
    if (access(path, F_OK) == 0)
        return error_set(err, ERROR_EXISTS, "%s exists already: give the version another number, "
                                            "or FILE another name", path);
    return file_write(path, buf_str(bytes), bytes->len, err);
}

static void print_published(const struct cli *cli, const char *path, const char *sha256,
                            const struct voter_facts *facts)
{
    if (cli->output != OUT_TABLE) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", facts->name, "version",
                                 facts->version, "kind", facts->kind, "file", path, "sha256",
                                 sha256);
        print_json(cli, json);
        json_decref(json);
        return;
    }
    terminal_print(stdout, "%s  %s\n", sha256, path);
    say(cli, "install it: sluice plugin install %s --sha256 %s", path, sha256);
}

/* Packs what was gathered; the voter has been loaded from its folder. */
static int pack(const struct cli *cli, struct bundle *bundle, const struct voter_facts *facts)
{
    struct buf tar = {0}, archive = {0};
    struct error err;
    char sha256[DIGEST_HEX_SIZE];
    const char *name = arena_printf(bundle->arena, "%s-%s", facts->name, facts->version);
    const char *path = cli->n_operands > 1
                           ? cli->operands[1]
                           : arena_printf(bundle->arena, "%s.tar.gz", name);
    bundle_write_tar(bundle, name, &tar);
    int rc = gzip_pack(&tar, &archive, &err);
    if (rc == 0)
        rc = write_archive(path, &archive, &err);
    if (rc == 0)
        print_published(cli, path, digest_of(archive.data, archive.len, sha256), facts);
    int code = rc == 0 ? EXIT_DONE : failed("cannot publish it", &err);
    buf_free(&tar);
    buf_free(&archive);
    return code;
}

static int publish(const struct cli *cli, const struct plugin_stage *stage, struct bundle *bundle)
{
    const char *folder = cli->operands[0], *tmp = getenv("TMPDIR");
    const char **dirs = voter_dirs(stage, folder, bundle->arena);
    struct voter_entry entry;
    struct voter_facts facts;
    struct error err;
    char *copy;
    if (voter_gather(folder, dirs, bundle, &entry, &err) != 0)
        return failed("cannot publish it", &err);
    int code = run_cases(stage, folder, dirs);
    if (code != EXIT_DONE)
        return code;
    if (voter_unpack(bundle, &entry, tmp && *tmp ? tmp : "/tmp", &facts, &copy, &err) != 0)
        return failed("cannot publish it", &err);
    code = pack(cli, bundle, &facts);
    folder_remove(copy, &err);
    free(copy);
    return code;
}

int cmd_plugin_publish(struct cli *cli)
{
    struct plugin_stage stage = {0};
    if (cli->n_operands < 1)
        return usage_error(cli, "which voter? give its folder, with its cases");
    if (access(cli->operands[0], R_OK) != 0) {
        complain("cannot read %s: %s", cli->operands[0], strerror(errno));
        return EXIT_USAGE;
    }
    int code = plugin_stage_open(cli, &stage);
    if (code < 0) {
        struct bundle *bundle = alloc_zero(1, sizeof *bundle);
        bundle->arena = arena_new();
        code = publish(cli, &stage, bundle);
        bundle_free(bundle);
        arena_free(bundle->arena);
        free(bundle);
    }
    plugin_stage_close(&stage);
    return code;
}
