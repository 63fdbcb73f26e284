/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: the command line. */
#include <signal.h>
#include <stdlib.h>

#include "base/standard.h"
#include "cli/connection/endpoint.h"

int main(int argc, char **argv)
{
    struct cli cli = {0};
    char *fallback = NULL;
    standard_streams();
    standard_no_core_dumps();
    signal(SIGPIPE, SIG_IGN);
    int code = args_parse(&cli, argc, argv);
    if (code < 0) {
        if (!cli.gateway || !*cli.gateway)
            cli.gateway = fallback = endpoint_default();
        code = endpoint_check(&cli);
        code = print_finish(code < 0 ? cli.command->run(&cli) : code);
    }
    free(fallback);
    args_free(&cli);
    return code;
}
