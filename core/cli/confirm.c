/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/confirm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/terminal.h"

int confirm(const struct cli *cli, const char *format, ...)
{
    char answer[16] = "";
    va_list args;
    if (arg_given(cli, "yes") || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return -1;
    va_start(args, format);
    terminal_vprint(stderr, format, args);
    va_end(args);
    terminal_print(stderr, " [y/N] ");
    if (!fgets(answer, sizeof answer, stdin))
        terminal_print(stderr, "\n");
    answer[strcspn(answer, "\r\n")] = '\0';
    if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
        return -1;
    complain("nothing was done: answer y, or give --yes");
    return EXIT_REFUSED;
}
