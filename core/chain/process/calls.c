/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* asm/prctl.h, which is there for one machine only. */
enum { SET_FS = 0x1002 };
/* The kernel's O_LARGEFILE, which libc hides on machines of 64 bits.  On some it is the one bit,
 * and the other is O_NOFOLLOW; on some the other way round. */
enum { LARGE_FILE = 0100000 | 0400000 };

#define ARGUMENTS_MAX 3

struct call {
    int number;
    struct scmp_arg_cmp when[ARGUMENTS_MAX];        /* all of them hold; an op of 0 ends them */
};

#define CALL(name)            {SCMP_SYS(name), {{0}}}
#define WITH(name, ...)       {SCMP_SYS(name), {__VA_ARGS__}}
#define IS(n, value)          {n, SCMP_CMP_EQ, value, 0}
#define AT_MOST(n, value)     {n, SCMP_CMP_LE, value, 0}
/* None but these bits.  Those that the kernel does not look at are refused too. */
#define ONLY(n, bits)         {n, SCMP_CMP_MASKED_EQ, ~(uint64_t)(unsigned)(bits), 0}

#define OPEN_FLAGS    (O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | \
                       O_PATH | O_NOATIME | LARGE_FILE)
#define STATUS_FLAGS  (O_ACCMODE | O_APPEND | O_NONBLOCK | LARGE_FILE)
#ifdef MAP_32BIT
#define MAP_LOW       MAP_32BIT
#else
#define MAP_LOW       0
#endif
#define MAP_FLAGS     (MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE | \
                       MAP_DENYWRITE | MAP_EXECUTABLE | MAP_STACK | MAP_POPULATE | \
                       MAP_NONBLOCK | MAP_LOW)
#define RECEIVE_FLAGS (MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC | MSG_WAITALL | MSG_NOSIGNAL)
#define SEND_FLAGS    (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE)
#define PRIVATE(n)    {n, SCMP_CMP_MASKED_EQ, ~(uint64_t)MAP_FLAGS, MAP_PRIVATE}
#define FUTEX(op)     {1, SCMP_CMP_MASKED_EQ, \
                       ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), op}

/* What computing, loading a library and speaking over open descriptors takes. */
static const struct call allowed[] = {
    /* descriptors.  Not: owners and signals of one, leases, locks, sizes of pipes */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(close), CALL(lseek),
    CALL(fstat), CALL(fstatfs), CALL(getdents64), CALL(dup), CALL(dup2), CALL(dup3), CALL(poll),
    CALL(ppoll),
    WITH(fcntl, IS(1, F_DUPFD)), WITH(fcntl, IS(1, F_DUPFD_CLOEXEC)),
    WITH(fcntl, IS(1, F_GETFD)), WITH(fcntl, IS(1, F_SETFD)), WITH(fcntl, IS(1, F_GETFL)),
    WITH(fcntl, IS(1, F_SETFL), ONLY(2, STATUS_FLAGS)),
    WITH(ioctl, IS(1, FIOCLEX)), WITH(ioctl, IS(1, FIONCLEX)), WITH(ioctl, IS(1, TCGETS)),
    WITH(ioctl, IS(1, FIONBIO)),
    /* files, to read; Landlock says which */
    WITH(open, ONLY(1, OPEN_FLAGS)), WITH(openat, ONLY(2, OPEN_FLAGS)),
    CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(statfs), CALL(access),
    CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd),
    /* the socket.  Not: messages that carry descriptors or come out of band, other addresses */
    WITH(recvfrom, ONLY(3, RECEIVE_FLAGS)), WITH(sendto, ONLY(3, SEND_FLAGS), IS(4, 0)),
    CALL(getsockname), CALL(getpeername),
    WITH(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_TYPE)),
    WITH(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_DOMAIN)),
    WITH(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_PROTOCOL)),
    WITH(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_ERROR)),
    /* memory that limits count.  Not: shared, and stacks that grow */
    WITH(mmap, PRIVATE(3)), WITH(mremap, ONLY(3, MREMAP_MAYMOVE | MREMAP_FIXED)),
    WITH(mprotect, ONLY(2, PROT_READ | PROT_WRITE | PROT_EXEC)), CALL(munmap), CALL(brk),
    WITH(madvise, AT_MOST(2, MADV_DONTNEED)), WITH(madvise, IS(2, MADV_FREE)),
    WITH(madvise, IS(2, MADV_HUGEPAGE)), WITH(madvise, IS(2, MADV_NOHUGEPAGE)),
    WITH(madvise, IS(2, MADV_DONTDUMP)), WITH(madvise, IS(2, MADV_DODUMP)),
    /* locks between threads of one process.  Not: those that lend a priority to their owner */
    WITH(futex, FUTEX(FUTEX_WAIT)), WITH(futex, FUTEX(FUTEX_WAKE)),
    WITH(futex, FUTEX(FUTEX_WAIT_BITSET)), WITH(futex, FUTEX(FUTEX_WAKE_BITSET)),
    WITH(futex, FUTEX(FUTEX_REQUEUE)), WITH(futex, FUTEX(FUTEX_CMP_REQUEUE)),
    WITH(futex, FUTEX(FUTEX_WAKE_OP)),
    CALL(set_robust_list), CALL(set_tid_address), CALL(rseq),
    WITH(arch_prctl, IS(0, SET_FS)),
    /* time.  Not: the clocks of other processes, which have high numbers, and timers */
    WITH(clock_gettime, AT_MOST(0, CLOCK_TAI)), WITH(clock_getres, AT_MOST(0, CLOCK_TAI)),
    WITH(clock_nanosleep, AT_MOST(0, CLOCK_TAI)), CALL(gettimeofday), CALL(time), CALL(times),
    CALL(nanosleep), CALL(sched_yield), CALL(restart_syscall),
    /* itself.  Limits can be lowered, which confine() does when these rules hold already */
    CALL(getpid), CALL(getppid), CALL(gettid), CALL(getuid), CALL(geteuid), CALL(getgid),
    CALL(getegid), CALL(getrusage), CALL(getrlimit), WITH(prlimit64, IS(0, 0)), CALL(setrlimit),
    WITH(sched_getaffinity, IS(0, 0)), CALL(uname), CALL(sysinfo), CALL(getrandom),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack),
    CALL(exit), CALL(exit_group),
};

/* What a runtime with threads asks for besides: events, which take a descriptor each. */
static const struct call with_threads[] = {
    WITH(clone, {0, SCMP_CMP_MASKED_EQ, ~(uint64_t)CALLS_THREAD_PLACES, CALLS_THREAD_FLAGS}),
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(eventfd2),
    WITH(pipe2, ONLY(1, O_CLOEXEC | O_NONBLOCK)),
};

static const int deadly[] = {
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execveat),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(io_uring_setup), SCMP_SYS(bpf), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(keyctl), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open),
};

static int allow(scmp_filter_ctx filter, const struct call *call)
{
    unsigned n = 0;
    while (n < ARGUMENTS_MAX && call->when[n].op != 0)
        n++;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number, n, call->when);
}

/* abort() and raise(), and what asks for its own processors. */
static int allow_self(scmp_filter_ctx filter)
{
    const scmp_datum_t self = (scmp_datum_t)getpid();
    const struct call calls[] = {WITH(kill, IS(0, self)), WITH(tgkill, IS(0, self)),
                                 WITH(sched_getaffinity, IS(0, self))};
    int rc = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        rc |= allow(filter, &calls[i]);
    return rc;
}

/* A call has one rule that looks at no argument, or several that do: beside the clone of a thread,
 * any other is refused. */
static int add_threads(scmp_filter_ctx filter, bool threads)
{
    int rc = 0;
    if (!threads)
        return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 0);
    for (size_t i = 0; i < sizeof with_threads / sizeof *with_threads; i++)
        rc |= allow(filter, &with_threads[i]);
    return rc;
}

static int add_rules(scmp_filter_ctx filter, enum confine_for what)
{
    int rc = allow_self(filter) | add_threads(filter, what == CONFINE_THREADS);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        rc |= allow(filter, &allowed[i]);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        rc |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    rc |= seccomp_rule_add(
        filter, what == CONFINE_LIBRARY ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW,
        SCMP_SYS(execve), 0);
    /* glibc falls back to clone, which is deadly. */
    rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
    return rc;
}

int calls_restrict(enum confine_for what, struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? add_rules(filter, what) : -ENOMEM;
    if (rc == 0)
        rc = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    return rc == 0 ? 0 : error_set(err, ERROR_INTERNAL, "cannot restrict system calls");
}
