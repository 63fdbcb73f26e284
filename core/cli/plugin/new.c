/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin new */
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "testkit/scaffold.h"

/* Where sluice is installed, or the build folder; NULL: unknown. */
static const char *prefix_of(struct arena *arena)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return NULL;
    exe[n] = '\0';
    return arena_str(arena, dirname(dirname(exe)));
}

static bool has_file(const char *prefix, const char *name, struct arena *arena)
{
    return prefix && access(arena_printf(arena, "%s/%s", prefix, name), R_OK) == 0;
}

/* The folder of sluice.lua; NULL in a build folder. */
static const char *annotations(struct arena *arena)
{
    const char *prefix = prefix_of(arena);
    return has_file(prefix, "share/sluice/sluice.lua", arena)
               ? arena_printf(arena, "%s/share/sluice", prefix)
               : NULL;
}

static const char *quoted(const char *text, struct arena *arena)
{
    struct buf quoted = {0};
    text_shell_quote(&quoted, text);
    const char *copy = arena_str(arena, buf_str(&quoted));
    buf_free(&quoted);
    return copy;
}

/* What CMake has to be told to find the headers of this sluice. */
static const char *cmake_options(const struct cli *cli, struct arena *arena)
{
    const char *prefix = prefix_of(arena);
    if (!prefix || strcmp(prefix, "/usr") == 0 || strcmp(prefix, "/usr/local") == 0)
        return "";
    if (has_file(prefix, "lib/cmake/sluice/sluiceConfig.cmake", arena))
        return arena_printf(arena, " -DCMAKE_PREFIX_PATH=%s", quoted(prefix, arena));
    /* What the package for authors has is a runner, and the headers where they belong. */
    if (!has_file(prefix, "CMakeCache.txt", arena))
        return "";
    say(cli, "first:     cmake --install %s --prefix P   (the headers; P is a folder of yours)",
        quoted(prefix, arena));
    return " -DCMAKE_PREFIX_PATH=P";
}

/* In two lines: how it is built, where it is, and tested. */
static void say_how_to_go_on(const struct cli *cli, const char *folder,
                             enum scaffold_language language, struct arena *arena)
{
    folder = quoted(folder, arena);
    if (language == SCAFFOLD_C)
        say(cli,
            "build it:  cmake -S %s -B %s/build%s && cmake --build %s/build\n"
            "test it:   sluice plugin test --plugin-dir %s/build/plugins %s/cases",
            folder, folder, cmake_options(cli, arena), folder, folder, folder);
    else if (language == SCAFFOLD_GO)
        say(cli,
            "build it:  (cd %s && CGO_ENABLED=0 go build -buildvcs=false)\n"
            "test it:   sluice plugin test %s/cases",
            folder, folder);
    else if (language == SCAFFOLD_RUST)
        say(cli,
            "build it:  cargo build --release --offline --manifest-path %s/Cargo.toml\n"
            "test it:   sluice plugin test %s/cases",
            folder, folder);
    else
        say(cli, "test it:   sluice plugin test --watch %s", folder);
}

static int make(struct cli *cli, struct arena *arena, enum scaffold_language language)
{
    const char *name = cli->operands[0], *folder = cli->operands[cli->n_operands - 1];
    struct error err;
    if (scaffold_make(name, folder, language, annotations(arena), &err) != 0) {
        complain("%s", err.text);
        return err.kind == ERROR_INVALID ? EXIT_USAGE : EXIT_REFUSED;
    }
    terminal_print(stdout, "%s\n", folder);
    say_how_to_go_on(cli, folder, language, arena);
    return EXIT_DONE;
}

/* The one that is asked for.  False: none is, or several are. */
static bool read_language(const struct cli *cli, enum scaffold_language *out)
{
    static const struct {
        enum scaffold_language language;
        const char *word;
    } all[] = {
#define X(id, word) {SCAFFOLD_##id, word},
        SCAFFOLD_LANGUAGES(X)
#undef X
    };
    unsigned asked = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (arg_given(cli, all[i].word)) {
            *out = all[i].language;
            asked++;
        }
    return asked == 1;
}

int cmd_plugin_new(struct cli *cli)
{
    enum scaffold_language language;
    if (cli->n_operands < 1 || cli->n_operands > 2)
        return usage_error(cli, "which name? its folder gets the same one unless DIR is given");
    if (!read_language(cli, &language))
        return usage_error(cli, "in which language? --c, --lua, --python, --go or --rust");
    struct arena *arena = arena_new();
    int code = make(cli, arena, language);
    arena_free(arena);
    return code;
}
