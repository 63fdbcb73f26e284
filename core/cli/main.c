/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: the command line. */
#include <signal.h>
#include <string.h>

#include "base/standard.h"
#include "cli/complete/complete.h"
#include "cli/gateway/book.h"
#include "cli/gateway/login.h"
#include "cli/prefix.h"

#if defined(__SANITIZE_ADDRESS__)
/* To look for leaks costs a command a third of its time, and tests run thousands of commands; those
 * of tests/e2e/cli.bats look for them. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* Commands that need none work while the name of one is wrong. */
static bool asks_gateway(const struct cli *cli)
{
    return strcmp(cli->command->group, "gateway") != 0 && cli->command->run != cmd_completion;
}

/* The gateway of login and logout may stand behind them. */
static void take_operand(struct cli *cli)
{
    const char *group = cli->command->group;
    if (cli->n_operands && (strcmp(group, "login") == 0 || strcmp(group, "logout") == 0))
        cli->gateway = cli->operands[0];
}

static int choose_gateway(struct cli *cli, struct book *book)
{
    take_operand(cli);
    int code = gateway_resolve(cli, book);
    if (code < 0)
        cli->login = login_load(cli->gateway);
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct book book = {.lock = -1};
    standard_streams();
    standard_no_core_dumps();
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        return complete_words(argc - 2, argv + 2);
    int code = args_parse(&cli, argc, argv);
    if (code < 0) {
        code = asks_gateway(&cli) ? choose_gateway(&cli, &book) : -1;
        code = code < 0 ? prefix_operand(&cli) : code;
        code = print_finish(code < 0 ? cli.command->run(&cli) : code);
    }
    login_free(cli.login);
    book_close(&book);
    args_free(&cli);
    return code;
}
