/* SPDX-License-Identifier: Apache-2.0 */
#include "base/standard.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"

void standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void standard_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A limit of 0 keeps the kernel from writing a file, but not from starting the program that
 * core_pattern may name; 1 is its word for neither (fs/coredump.c).  A hard limit of 0 cannot be
 * raised without privileges. */
void standard_no_core_dumps(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0)
        return;
    limit.rlim_max = limit.rlim_max < 1 ? limit.rlim_max : 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CORE, &limit);
}

static const char *account_home(char *space, size_t size)
{
    struct passwd entry, *found = NULL;
    return getpwuid_r(geteuid(), &entry, space, size, &found) == 0 && found ? found->pw_dir : NULL;
}

char *standard_state_home(void)
{
    char space[4096];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        return alloc_str(state);
    if (!home || *home != '/')
        home = account_home(space, sizeof space);
    return home && *home == '/' ? alloc_printf("%s/.local/state", home) : NULL;
}
