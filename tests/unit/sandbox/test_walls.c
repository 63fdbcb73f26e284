/* SPDX-License-Identifier: Apache-2.0 */
/* The walls around a workload, from inside.  The program runs its tests as it was started, then
 * again as an ordinary user and as the root of a user namespace that knows no other id. */
#include "support/box.h"
#include "support/probe.h"

#include <sys/un.h>

static void copy_probe(struct box *box)
{
    char *self = realpath("/proc/self/exe", NULL); /* by its name: valgrind hides it otherwise */
    char *copy = alloc_printf("cp %s %s/probe && chmod 755 %s/probe", self, box->workdir,
                              box->workdir);
    free(self);
    assert_int_equal(system(copy), 0);
    free(copy);
}

static void hostile_system_calls_are_refused(void **state)
{
    struct box *box = *state;
    copy_probe(box);
    const char *said = box_sh(box, "ASAN_OPTIONS=detect_leaks=0 /sandbox/probe --probe");
    assert_string_equal(said, "");
    assert_int_equal(box->code, 0);
}

static const char *status_of(struct box *box, const char *field)
{
    char *script = alloc_printf("sed -n 's/^%s:[[:space:]]*//p' /proc/self/status", field);
    const char *value = box_sh(box, script);
    free(script);
    return value;
}

static void a_command_has_no_privilege(void **state)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    struct box *box = *state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        assert_string_equal(status_of(box, sets[i]), "0000000000000000\n");
    assert_string_equal(status_of(box, "NoNewPrivs"), "1\n");
    assert_string_equal(status_of(box, "Seccomp"), "2\n");
    assert_string_equal(box_sh(box, "id -u; id -un; ulimit -c; umask"), "1000\nsandbox\n0\n0022\n");
}

/* Its host uid is seen from out here, on what it makes. */
static void on_the_host_it_is_not_root(void **state)
{
    struct box *box = *state;
    struct stat st;
    char path[128];
    box_sh(box, "echo x > /sandbox/mine");
    snprintf(path, sizeof path, "%s/mine", box->workdir);
    assert_int_equal(stat(path, &st), 0);
    bool switches = !mode_name() && geteuid() == 0;
    assert_int_equal(st.st_uid, switches ? BOX_UID : geteuid());
}

static void the_only_way_out_is_the_proxy(void **state)
{
    struct box *box = *state;
    const char *said =
        box_run(box, "/bin/bash", "-c",
                "try() { (exec 3<>/dev/tcp/$1/$2) 2>/dev/null && echo open $1 || echo closed $1; };"
                "try 10.200.0.1 3128; try 10.200.0.1 3129; try 127.0.0.1 22; try 192.0.2.1 80; try "
                "10.200.0.2 80;"
                "sed -n 's/ *\\(.*\\):.*/\\1/p' /proc/net/dev; cat /proc/net/route | wc -l",
                NULL);
    assert_string_equal(said, "open 10.200.0.1\nclosed 10.200.0.1\nclosed 127.0.0.1\n"
                              "closed 192.0.2.1\nclosed 10.200.0.2\nlo\n1\n");
}

/* Names of the abstract kind belong to a network namespace, not to a folder that could be
 * hidden. */
static void a_socket_of_the_host_without_a_path_is_not_there(void **state)
{
    struct box *box = *state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int len = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "sluice-walls-%d", (int)getpid());
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    char *script = alloc_printf("use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); "
                                "print connect(S, pack(q(S a*), 1, qq(\\0%s))) ? q(open) : $!",
                                at.sun_path + 1);
    assert_string_equal(box_run(box, "/usr/bin/perl", "-e", script, NULL), "Connection refused");
    free(script);
    close(fd);
}

static void it_sees_only_itself(void **state)
{
    struct box *box = *state;
    assert_string_equal(box_sh(box, "cd /proc; ls -d [0-9]* | head -1; hostname"), "1\nbox\n");
    assert_string_equal(box_sh(box, "ls -A /tmp; ls -A /sandbox"), "");
    assert_string_equal(box_sh(box, "ls -l /proc/self/fd | wc -l"), "5\n");
}

static void nobody_inside_can_end_init(void **state)
{
    struct box *box = *state;
    box_sh(box, "kill -9 1; kill -TERM 1; kill -CHLD 1; kill -STOP 1; kill -SEGV 1");
    assert_string_equal(box_sh(box, "echo alive"), "alive\n");
    assert_false(box->gone);
}

/* SIGCHLD it waits for anyway. */
static void the_kernel_sends_init_no_signal_for_a_workload(void **state)
{
    struct box *box = *state;
    copy_probe(box);
    const char *said = box_sh(box, "ASAN_OPTIONS=detect_leaks=0 /sandbox/probe --signals");
    assert_string_equal(said, "");
    assert_int_equal(box->code, 0);
    said = box_sh(
        box, "sed -n 's/^S[a-z]*Pnd:[[:space:]]*0*//pI' /proc/1/status | grep -vx -e '' -e 10000");
    assert_string_equal(said, "");
    assert_string_equal(box_sh(box, "echo alive"), "alive\n");
    assert_false(box->gone);
}

static void a_command_cannot_look_into_another(void **state)
{
    struct box *box = *state;
    const char *const argv[] = {"/bin/sleep", "100"}, *const env[] = {"SECRET=1"};
    struct container_command sleeper = {.argv = argv, .n_argv = 2, .env = env, .n_env = 1,
                                   .folder = "/sandbox"};
    box_start_command(box, &sleeper);
    uint32_t id = box->last_id;
    const char *said =
        box_sh(box, "for p in /proc/[0-9]*; do grep -qs SECRET=1 $p/environ && echo $p; done");
    assert_string_equal(said, "");
    box->exited = false;
    container_kill(box->container, id, SIGKILL);
    box_wait(box, &box->exited);
    assert_int_equal(box->code, 128 + SIGKILL);
}

static void the_file_system_cannot_be_filled_with_devices(void **state)
{
    struct box *box = *state;
    box_sh(box, "mknod /tmp/sda b 8 0; mknod /sandbox/mem c 1 1");
    assert_string_equal(box_sh(box, "ls /tmp /sandbox | grep -E 'sda|mem'"), "");
}

static long number_in(const char *path)
{
    long number = -1;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &number), 1);
    fclose(file);
    return number;
}

/* What is counted for the whole host, or for all sandboxes of a uid. */
static void shared_accounts_have_low_limits(void **state)
{
    struct box *box = *state;
    long files = 0, tasks = 0, signals = 0, queues = 0, locked = 0;
    const char *said = box_run(box, "/bin/bash", "-c",
                               "for limit in n u i q l; do ulimit -H$limit; done", NULL);
    assert_int_equal(
        sscanf(said, "%ld %ld %ld %ld %ld", &files, &tasks, &signals, &queues, &locked), 5);
    assert_true(files >= 256 && files <= 4096);
    assert_true(files * tasks < number_in("/proc/sys/fs/file-max"));
    assert_true(tasks <= 2048 && signals <= 1024 && queues <= 128 * 1024 && locked <= 1024);
}

static void terminals_are_counted_per_sandbox(void **state)
{
    struct box *box = *state;
    const char *said = box_run(
        box, "/usr/bin/perl", "-e",
        "for (1 .. 300) { open($t[$_], '+<', '/dev/ptmx') or (print $_, ' ', $!), last }", NULL);
    assert_string_equal(said, "65 No space left on device");
    said = box_run(box, "/usr/bin/perl", "-e", "open(T, '+<', '/dev/ptmx') and print 'open'", NULL);
    assert_string_equal(said, "open");
}

static void a_workload_is_ended_before_those_who_watch_it(void **state)
{
    struct box *box = *state;
    long own = number_in("/proc/self/oom_score_adj");
    long init = strtol(box_sh(box, "cat /proc/1/oom_score_adj"), NULL, 10);
    long workload = strtol(box_sh(box, "cat /proc/self/oom_score_adj"), NULL, 10);
    assert_true(own < init && init < workload);
}

static int run_walls(const char *group)
{
    const struct CMUnitTest tests[] = {
        IN_A_BOX(hostile_system_calls_are_refused),
        IN_A_BOX(a_command_has_no_privilege),
        IN_A_BOX(on_the_host_it_is_not_root),
        IN_A_BOX(the_only_way_out_is_the_proxy),
        IN_A_BOX(a_socket_of_the_host_without_a_path_is_not_there),
        IN_A_BOX(it_sees_only_itself),
        IN_A_BOX(nobody_inside_can_end_init),
        IN_A_BOX(the_kernel_sends_init_no_signal_for_a_workload),
        IN_A_BOX(a_command_cannot_look_into_another),
        IN_A_BOX(the_file_system_cannot_be_filled_with_devices),
        IN_A_BOX(shared_accounts_have_low_limits),
        IN_A_BOX(terminals_are_counted_per_sandbox),
        IN_A_BOX(a_workload_is_ended_before_those_who_watch_it),
    };
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--probe") == 0)
        return probe_all() + probe_other_abi();
    if (argc == 2 && strcmp(argv[1], "--signals") == 0)
        return probe_signals();
    return mode_run_all(run_walls);
}
