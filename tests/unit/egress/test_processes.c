/* SPDX-License-Identifier: Apache-2.0 */
/* Callers and ancestors that are held from one connect to the next, and become others in between.
 * The test plays the sandbox's init: orphans become its children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/caller/processes.h"
#include "support/callers.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Copies of this program.  The second is the same file as the first. */
struct programs {
    char folder[64], first[96], second[96], third[96], self[256];
    char port[8];
};

static void install(const char *path)
{
    char bytes[65536];
    ssize_t n;
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    assert_true(from >= 0 && to >= 0);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(to, bytes, (size_t)n), n);
    close(from);
    close(to);
}

static void install_programs(struct programs *p)
{
    strcpy(p->folder, "/tmp/sluice-processes-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->first, sizeof p->first, "%s/first", p->folder);
    snprintf(p->second, sizeof p->second, "%s/second", p->folder);
    snprintf(p->third, sizeof p->third, "%s/third", p->folder);
    install(p->first);
    assert_int_equal(link(p->first, p->second), 0);
    install(p->third);
    ssize_t len = readlink("/proc/self/exe", p->self, sizeof p->self - 1);
    p->self[len > 0 ? len : 0] = '\0';
}

struct stage {
    struct desk desk;
    struct programs programs;
    bool subreaper;
};

static void open_stage(struct stage *s)
{
    open_desk(&s->desk);
    install_programs(&s->programs);
    snprintf(s->programs.port, sizeof s->programs.port, "%u", s->desk.port);
}

static void close_stage(struct stage *s)
{
    unlink(s->programs.first);
    unlink(s->programs.second);
    unlink(s->programs.third);
    rmdir(s->programs.folder);
    close_desk(&s->desk);
}

/* Runs fn as a workload, with that PID if it is not 0. */
static void play(struct stage *s, pid_t pid, int (*fn)(void *arg))
{
    struct watched_child child = {.pid = pid, .fn = fn, .arg = s};
    watched_do(&s->desk.watched, watched_fork_here, &child);
    assert_true(child.pid > 0 && (pid == 0 || child.pid == pid));
    assert_int_equal(finish(&s->desk, child.pid), 0);
}

/* The next connection is of that program, started by those; ancestors: NULL-terminated. */
static void expect_caller(struct stage *s, const char *binary, const char *const *ancestors)
{
    struct error err;
    struct egress_caller caller;
    size_t n = 0;
    if (!take(&s->desk, &caller, &err))
        fail_msg("not identified: %s", err.text);
    assert_string_equal(caller.binary, binary);
    for (; ancestors[n]; n++) {
        assert_true(n < caller.n_ancestors);
        assert_string_equal(caller.ancestors[n], ancestors[n]);
    }
    assert_int_equal(caller.n_ancestors, n);
    egress_caller_free(&caller);
}

static const char *const nobody[] = {NULL};

/* ---- what this program does when the workload executes it ---- */

static int connect_once(const char *port)
{
    struct sockaddr_in proxy = address_of(PROXY_ADDRESS, (uint16_t)atoi(port));
    EXPECT(connect_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &proxy) == 0);
    return 0;
}

/* connect PORT PROGRAM...: connects, and executes the first of the programs to do the same. */
static int connect_main(char **argv)
{
    EXPECT(connect_once(argv[2]) == 0);
    if (!argv[3])
        return 0;
    char *next[16] = {argv[3], argv[1], argv[2]};
    for (size_t i = 3; argv[i]; i++)
        next[i] = argv[i + 1];
    execv(next[0], next);
    return 1;
}

static int wait_for_child(void)
{
    int status;
    EXPECT(wait(&status) > 0 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* go FD: lets a child go on, and waits for it. */
static int go_main(char **argv)
{
    EXPECT(write(atoi(argv[2]), "x", 1) == 1);
    return wait_for_child();
}

/* spawn PORT: a child connects. */
static int spawn_main(char **argv)
{
    if (fork() == 0)
        _exit(connect_once(argv[2]));
    return wait_for_child();
}

static int connect_without_parent(const char *port, int connected)
{
    pid_t parent = getppid();
    EXPECT(connect_once(port) == 0);
    EXPECT(write(connected, "x", 1) == 1);
    while (getppid() == parent)
        sched_yield();
    return connect_once(port);
}

/* leave PORT: a child connects, loses its parent, which ends, and connects again. */
static int leave_main(char **argv)
{
    int connected[2];
    char byte;
    EXPECT(pipe2(connected, O_CLOEXEC) == 0);
    if (fork() == 0)
        _exit(connect_without_parent(argv[2], connected[1]));
    EXPECT(read(connected[0], &byte, 1) == 1);
    return 0;
}

static int workload_main(char **argv)
{
    static const struct { const char *name; int (*run)(char **argv); } roles[] = {
        {"connect", connect_main}, {"go", go_main}, {"spawn", spawn_main}, {"leave", leave_main}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(argv[1], roles[i].name) == 0)
            return roles[i].run(argv);
    return 2;
}

/* ---- the tests ---- */

static int execute_each(void *arg)
{
    const struct programs *p = &((struct stage *)arg)->programs;
    execl(p->first, p->first, "connect", p->port, p->second, p->third, p->first, (char *)NULL);
    return 1;
}

static void a_caller_that_executes_another_program_is_that_one(void **state)
{
    struct stage s;
    (void)state;
    open_stage(&s);
    play(&s, 0, execute_each);
    expect_caller(&s, s.programs.first, nobody);
    expect_caller(&s, s.programs.second, nobody);
    expect_caller(&s, s.programs.third, nobody);
    expect_caller(&s, s.programs.first, nobody);
    close_stage(&s);
}

static int connect_twice(const struct programs *p, int connected, int go)
{
    char byte;
    EXPECT(connect_once(p->port) == 0);
    EXPECT(write(connected, "x", 1) == 1 && read(go, &byte, 1) == 1);
    return connect_once(p->port);
}

static int execute_in_between(void *arg)
{
    const struct programs *p = &((struct stage *)arg)->programs;
    int connected[2], go[2];
    char byte, number[16];
    EXPECT(pipe2(connected, O_CLOEXEC) == 0 && pipe(go) == 0);
    if (fork() == 0)
        _exit(connect_twice(p, connected[1], go[0]));
    EXPECT(read(connected[0], &byte, 1) == 1);
    snprintf(number, sizeof number, "%d", go[1]);
    execl(p->second, p->second, "go", number, (char *)NULL);
    return 1;
}

static void an_ancestor_that_executes_another_program_is_that_one(void **state)
{
    struct stage s;
    (void)state;
    open_stage(&s);
    play(&s, 0, execute_in_between);
    expect_caller(&s, s.programs.self, (const char *[]){s.programs.self, NULL});
    expect_caller(&s, s.programs.self, (const char *[]){s.programs.second, NULL});
    close_stage(&s);
}

static int start_one_that_leaves(void *arg)
{
    const struct stage *s = arg;
    int status = 0;
    prctl(PR_SET_CHILD_SUBREAPER, s->subreaper);
    if (fork() == 0)
        execl(s->programs.third, s->programs.third, "leave", s->programs.port, (char *)NULL);
    for (int n = s->subreaper ? 2 : 1; n > 0; n--)
        EXPECT(wait(&status) > 0 && status == 0);
    return 0;
}

static void finish_orphan(struct stage *s)
{
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) == 0 && !s->desk.timed_out)
        uv_run(&s->desk.loop, UV_RUN_ONCE);
    assert_true(ended > 0 && status == 0);
}

static void an_ancestor_that_ends_is_none_any_more(void **state)
{
    struct stage s;
    (void)state;
    open_stage(&s);
    s.subreaper = true;                             /* the child goes to its grandparent */
    play(&s, 0, start_one_that_leaves);
    expect_caller(&s, s.programs.third, (const char *[]){s.programs.third, s.programs.self, NULL});
    expect_caller(&s, s.programs.third, (const char *[]){s.programs.self, NULL});
    s.subreaper = false;                            /* and here to init */
    play(&s, 0, start_one_that_leaves);
    finish_orphan(&s);
    expect_caller(&s, s.programs.third, (const char *[]){s.programs.third, s.programs.self, NULL});
    expect_caller(&s, s.programs.third, nobody);
    close_stage(&s);
}

static int connect_here(void *arg)
{
    return connect_once(((struct stage *)arg)->programs.port);
}

static int connect_as_third(void *arg)
{
    const struct programs *p = &((struct stage *)arg)->programs;
    execl(p->third, p->third, "connect", p->port, (char *)NULL);
    return 1;
}

static int spawn_here(void *arg)
{
    const struct programs *p = &((struct stage *)arg)->programs;
    return spawn_main((char *[]){NULL, NULL, (char *)p->port});
}

static int spawn_as_third(void *arg)
{
    const struct programs *p = &((struct stage *)arg)->programs;
    execl(p->third, p->third, "spawn", p->port, (char *)NULL);
    return 1;
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
    enum { CALLER = 4000, PARENT };
    struct stage s;
    (void)state;
    open_stage(&s);
    play(&s, CALLER, connect_here);
    play(&s, CALLER, connect_as_third);
    expect_caller(&s, s.programs.self, nobody);
    expect_caller(&s, s.programs.third, nobody);
    play(&s, PARENT, spawn_here);
    play(&s, PARENT, spawn_as_third);
    expect_caller(&s, s.programs.self, (const char *[]){s.programs.self, NULL});
    expect_caller(&s, s.programs.third, (const char *[]){s.programs.third, NULL});
    play(&s, CALLER, connect_here);
    expect_caller(&s, s.programs.self, nobody);
    close_stage(&s);
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 4096; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void connect_often(struct stage *s, int times)
{
    for (int i = 0; i < times; i++) {
        play(s, 0, connect_here);
        expect_caller(s, s->programs.self, nobody);
    }
}

static void what_is_held_is_bounded(void **state)
{
    enum { MORE = 24, IN_WORK = 8 }; /* the thread may hold a few yet */
    struct stage s;
    (void)state;
    open_stage(&s);
    unsigned before = count_descriptors();
    connect_often(&s, EGRESS_PROCESSES_MAX);
    unsigned full = count_descriptors();
    assert_true(full >= before + EGRESS_PROCESSES_MAX);
    connect_often(&s, MORE);
    assert_true(count_descriptors() <= full + IN_WORK);
    close_stage(&s);
    assert_true(count_descriptors() < before);
}

/* ---- older kernels ---- */

/* From here on, that system call fails as it does where its argument is not known. */
static void forbid(int number, size_t argument, uint32_t value, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[argument])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    assert_int_equal(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

static void before_6_13_a_descriptor_tells_no_ids(void **state)
{
    (void)state;
    forbid(__NR_ioctl, 1, _IOWR(0xFF, 11, char[64]), ENOTTY);
}

static void before_6_9_there_is_none_of_a_thread(void **state)
{
    (void)state;
    forbid(__NR_pidfd_open, 1, O_EXCL, EINVAL);
}

#define ATTACKS                                                                         \
    cmocka_unit_test(a_caller_that_executes_another_program_is_that_one),               \
    cmocka_unit_test(an_ancestor_that_executes_another_program_is_that_one),            \
    cmocka_unit_test(an_ancestor_that_ends_is_none_any_more),                           \
    cmocka_unit_test(a_number_that_is_used_again_is_another_process),                   \
    cmocka_unit_test(what_is_held_is_bounded)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        ATTACKS,
        cmocka_unit_test(before_6_13_a_descriptor_tells_no_ids), ATTACKS,
        cmocka_unit_test(before_6_9_there_is_none_of_a_thread), ATTACKS,
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

/* In a PID namespace a test may choose numbers.  The test is not PID 1 there, as that one cannot be
 * checked for leaks. */
static int in_pid_namespace(int (*fn)(void))
{
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
        network_fail("unshare");
    if (fork() != 0)
        _exit(wait_for_child());
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0)
        network_fail("/proc");
    if (fork() != 0)
        _exit(wait_for_child());
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return fn();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return workload_main(argv);
    network_enter();
    return in_pid_namespace(tests);
}
