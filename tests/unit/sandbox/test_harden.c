/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor keeps once its sandbox runs: of all its threads, as one that follows
 * links reads what a workload made. */
#include "support/supervisor.h"

#include <dirent.h>

/* CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH and CAP_KILL */
#define KEPT (UINT64_C(1) << 19 | UINT64_C(1) << 2 | UINT64_C(1) << 5)

static void check_thread(pid_t pid, const char *tid)
{
    char path[96], line[256];
    unsigned checked = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", (int)pid, tid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        char *value = line + strcspn(line, ":\n");
        bool capabilities = strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0;
        checked += capabilities;
        if (capabilities && (strtoull(value + 1, NULL, 16) & ~KEPT))
            fail_msg("thread %s: %s", tid, line);
        if (strncmp(line, "Seccomp:", 8) == 0 || strncmp(line, "NoNewPrivs:", 11) == 0) {
            assert_int_equal(atoi(value + 1), *line == 'S' ? 2 : 1);
            checked++;
        }
    }
    if (file)
        fclose(file);
    assert_int_equal(checked, 4);
}

static void every_thread_has_given_up_its_privileges(void **state)
{
    struct supervisor_fixture *d = fixture_open(NULL, true);
    char path[64];
    unsigned threads = 0;
    (void)state;
    fixture_sh(d, "curl -s http://example.com/");      /* makes it follow links */
    snprintf(path, sizeof path, "/proc/%d/task", d->supervisor.pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (*e->d_name != '.') {
            check_thread(d->supervisor.pid, e->d_name);
            threads++;
        }
    closedir(dir);
    assert_true(threads > 1);
    fixture_close(d);
}

static int run_harden(const char *group)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_has_given_up_its_privileges),
    };
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    return mode_run_all(run_harden);
}
