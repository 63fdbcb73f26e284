/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin new */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"
#include "testkit/scaffold.h"

/* Where sluice.lua is installed; NULL in a build folder. */
static const char *annotations(struct arena *arena)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return NULL;
    exe[n] = '\0';
    const char *folder = arena_printf(arena, "%s/share/sluice", dirname(dirname(exe)));
    return access(arena_printf(arena, "%s/sluice.lua", folder), R_OK) == 0 ? folder : NULL;
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
    struct buf quoted = {0};
    text_shell_quote(&quoted, folder);
    folder = buf_str(&quoted);
    say(cli, language == SCAFFOLD_C
                 ? "build it:  cmake -S %s -B %s/build && cmake --build %s/build\n"
                   "test it:   sluice plugin test --plugin-dir %s/build/plugins %s/cases"
                 : "test it:   sluice plugin test --watch %s",
        folder, folder, folder, folder, folder);
    buf_free(&quoted);
    return EXIT_DONE;
}

int cmd_plugin_new(struct cli *cli)
{
    bool c = arg_given(cli, "c"), lua = arg_given(cli, "lua");
    if (cli->n_operands < 1 || cli->n_operands > 2)
        return usage_error(cli, "which name? its folder gets the same one unless DIR is given");
    if (c == lua)
        return usage_error(cli, "in which language? --c or --lua");
    struct arena *arena = arena_new();
    int code = make(cli, arena, c ? SCAFFOLD_C : SCAFFOLD_LUA);
    arena_free(arena);
    return code;
}
