/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: the command line. */
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    struct cli cli = {0};
    char *fallback = NULL;
    signal(SIGPIPE, SIG_IGN);
    int code = args_parse(&cli, argc, argv);
    if (code < 0) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        if (!cli.gateway || !*cli.gateway)
            cli.gateway = fallback = client_default_gateway();
        code = cli.command->run(&cli);
        curl_global_cleanup();
    }
    free(fallback);
    args_free(&cli);
    return code;
}
