/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-plugin-host: one voter in a process of its own, started by the gateway. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain/process/child.h"
#include "chain/process/command.h"
#include "chain/process/serve.h"

#if defined(__SANITIZE_ADDRESS__)
/* A voter that crashes or has no memory is to end as it would without sanitizers, memory that is
 * freed is to be free, and looking for leaks takes a process of its own, which is not allowed
 * here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:handle_segv=0:handle_abort=0:allocator_may_return_null=1:"
           "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}
#endif

int main(int argc, char **argv)
{
    struct stat info;
    if (fstat(CHILD_SOCKET, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        fputs("sluice-plugin-host is started by sluiced for a voter with isolation: process\n",
              stderr);
        return 2;
    }
    struct error err;
    if (argc > 1 && command_run(argc, argv, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    /* Nothing that the voter left behind for the end of the process runs. */
    _exit(serve(CHILD_SOCKET));
}
