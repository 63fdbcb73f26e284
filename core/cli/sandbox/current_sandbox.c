/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox that was used last, for commands that leave NAME out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/standard.h"
#include "cli/cli.h"

/* NULL: this user has none. */
static char *state_folder(void)
{
    char *home = standard_state_home();
    char *folder = home ? alloc_printf("%s/sluice", home) : NULL;
    free(home);
    return folder;
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

/* Each gateway has sandboxes of its own: a file for each address. */
static char *current_sandbox_file(const struct cli *cli, const char *folder)
{
    char hex[DIGEST_HEX_SIZE];
    digest_of(cli->gateway, strlen(cli->gateway), hex);
    return alloc_printf("%s/last-sandbox.%.16s", folder, hex);
}

/* Best effort: a read-only home is no reason to fail.  Nobody else may name the sandbox, whatever
 * the umask is. */
void set_current_sandbox(const struct cli *cli, const char *name)
{
    char *folder = state_folder();
    if (!folder)
        return;
    make_folders(folder);
    char *path = current_sandbox_file(cli, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file) {
        fprintf(file, "%s\n", name);
        fclose(file);
    } else if (fd >= 0) {
        close(fd);
    }
    free(path);
    free(folder);
}

static const char *get_current_sandbox(const struct cli *cli, char *line, int size)
{
    char *folder = state_folder();
    if (!folder)
        return NULL;
    char *path = current_sandbox_file(cli, folder);
    FILE *file = fopen(path, "re");
    const char *name = NULL;
    if (file && fgets(line, size, file)) {
        line[strcspn(line, "\n")] = '\0';
        name = *line ? line : NULL;
    }
    if (file)
        fclose(file);
    free(path);
    free(folder);
    return name;
}

void sandbox_answered(const struct cli *cli, long status)
{
    if (cli->named && status && status != 404)
        set_current_sandbox(cli, cli->named);
}

bool is_current_sandbox(const struct cli *cli, const char *name)
{
    char line[128];
    const char *last = get_current_sandbox(cli, line, sizeof line);
    return last && strcmp(last, name) == 0;
}

void forget_sandbox(const struct cli *cli, const char *name)
{
    if (is_current_sandbox(cli, name))
        set_current_sandbox(cli, "");
}

const char *sandbox_operand(struct cli *cli, size_t n)
{
    if (cli->n_operands > n)
        return cli->named = cli->operands[n];
    const char *name = get_current_sandbox(cli, cli->current_sandbox, sizeof cli->current_sandbox);
    if (name)
        say(cli, "→ Using sandbox '%s' (last used)", name);
    else
        usage_error(cli, "no sandbox name given and none was used before at %s", cli->gateway);
    return name;
}
