/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile program tries in a sandbox: system calls, each with the errno it must get. */
#ifndef TESTS_SUPPORT_PROBE_H
#define TESTS_SUPPORT_PROBE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH_BIT (1UL << 32)                     /* in the half of an argument the kernel ignores */

static long probe_open(const char *path, int flags)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

/* Opens a connection to the proxy without connect. */
static long probe_fast_open(long call)
{
    struct sockaddr_in proxy = {.sin_family = AF_INET, .sin_port = htons(3128),
                                .sin_addr.s_addr = htonl(0x0ac80001)};
    struct iovec part = {"x", 1};
    struct mmsghdr message = {.msg_hdr = {.msg_name = &proxy, .msg_namelen = sizeof proxy,
                                          .msg_iov = &part, .msg_iovlen = 1}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (call == SYS_sendto)
        return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&proxy, sizeof proxy);
    return call == SYS_sendmsg ? sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN)
                               : sendmmsg(fd, &message, 1, MSG_FASTOPEN);
}

static long probe_connect(void)
{
    struct sockaddr_in proxy = {.sin_family = AF_INET, .sin_port = htons(3128),
                                .sin_addr.s_addr = htonl(0x0ac80001)};
    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&proxy, sizeof proxy);
}

/* Below a filter of its own that does this with each connect. */
static long probe_connect_filtered(uint32_t action)
{
    int status;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
            _exit(255);
        _exit(probe_connect() == 0 ? 0 : errno);
    }
    waitpid(pid, &status, 0);
    errno = WEXITSTATUS(status);
    return errno ? -1 : 0;
}

static void probe_on_signal(int number)
{
    (void)number;
}

/* A signal that comes while the caller stands still does not make it connect twice. */
static long probe_connect_interrupted(void)
{
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    long rc = 0;
    signal(SIGALRM, probe_on_signal);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 50 && rc == 0; i++)
        rc = probe_connect();
    int why = errno;
    setitimer(ITIMER_REAL, &never, NULL);
    errno = why;
    return rc;
}

/* In a child, because it would end the probe by success; so for clone, which would double it. */
static long probe_execveat(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        char *const argv[] = {"true", NULL};
        syscall(SYS_execveat, open("/usr/bin/true", O_PATH), "", argv, NULL, AT_EMPTY_PATH);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    errno = WEXITSTATUS(status);
    return errno ? -1 : 0;
}

static long probe_clone(unsigned long flags)
{
    long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid;
}

static long probe_filter(unsigned long op)
{
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &allow};
    return syscall(SYS_seccomp, op, 0, &program);
}

static long probe_high_unshare(void)
{
    return syscall(SYS_unshare, CLONE_NEWUSER | HIGH_BIT);
}

#define PROBES(X)                                                                                \
    X(memfd_create, EPERM, syscall(SYS_memfd_create, "x", 0))                                    \
    X(execveat, EPERM, probe_execveat())                                                         \
    X(ptrace_traceme, EPERM, ptrace(PTRACE_TRACEME, 0, NULL, NULL))                              \
    X(ptrace_init, EPERM, ptrace(PTRACE_SEIZE, 1, NULL, NULL))                                   \
    X(process_vm_readv, EPERM, syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0))            \
    X(process_vm_writev, EPERM, syscall(SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0))          \
    X(pidfd_open, EPERM, syscall(SYS_pidfd_open, 1, 0))                                          \
    X(pidfd_getfd, EPERM, syscall(SYS_pidfd_getfd, 0, 0, 0))                                     \
    X(pidfd_send_signal, EPERM, syscall(SYS_pidfd_send_signal, 0, 9, NULL, 0))                   \
    X(process_madvise, EPERM, syscall(SYS_process_madvise, 0, NULL, 0, 0, 0))                    \
    X(kcmp, EPERM, syscall(SYS_kcmp, 1, 1, 0, 0, 0))                                             \
    X(init_limit, EPERM, syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &(struct rlimit){9, 9}, NULL)) \
    X(init_limit_high, EPERM,                                                                    \
      syscall(SYS_prlimit64, 1 | HIGH_BIT, RLIMIT_CPU, &(struct rlimit){9, 9}, NULL))            \
    X(own_limit, 0, syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &(struct rlimit){0, 0}))        \
    X(init_scheduler, EPERM, sched_setscheduler(1, SCHED_IDLE, &(struct sched_param){0}))        \
    X(init_parameter, EPERM, sched_setparam(1, &(struct sched_param){0}))                        \
    X(init_attributes, EPERM, syscall(SYS_sched_setattr, 1, (uint32_t[14]){56, SCHED_BATCH}, 0)) \
    X(init_processors, EPERM, syscall(SYS_sched_setaffinity, 1, 8, &(unsigned long){1}))         \
    X(own_scheduler, 0, sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}))            \
    X(init_priority, EPERM, setpriority(PRIO_PROCESS, 1, 19))                                    \
    X(init_group_priority, EPERM, setpriority(PRIO_PGRP, 1, 19))                                 \
    X(user_priority, EPERM, setpriority(PRIO_USER, 0, 19))                                       \
    X(user_priority_by_id, EPERM, setpriority(PRIO_USER, getuid(), 19))                          \
    X(own_priority, 0, setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)))               \
    X(init_io_priority, EPERM, syscall(SYS_ioprio_set, 1, 1, 3 << 13))                           \
    X(init_group_io_priority, EPERM, syscall(SYS_ioprio_set, 2, 1, 3 << 13))                     \
    X(user_io_priority, EPERM, syscall(SYS_ioprio_set, 3, getuid(), 3 << 13))                    \
    X(own_io_priority, 0, syscall(SYS_ioprio_set, 1, 0, 3 << 13))                                \
    X(init_pages, EPERM,                                                                         \
      syscall(SYS_migrate_pages, 1, 1, &(unsigned long){1}, &(unsigned long){1}))                \
    X(move_init_pages, EPERM, syscall(SYS_move_pages, 1, 0, NULL, NULL, NULL, 0))                \
    X(signal_init, EPERM, kill(1, SIGTERM))                                                      \
    X(signal_init_thread, EPERM, syscall(SYS_tgkill, 1, 1, SIGTERM))                             \
    X(queue_for_init, EPERM,                                                                     \
      syscall(SYS_rt_sigqueueinfo, 1, SIGRTMIN, &(siginfo_t){.si_code = SI_QUEUE}))              \
    X(init_oom_score, EACCES, probe_open("/proc/1/oom_score_adj", O_WRONLY))                     \
    X(init_timer_slack, EACCES, probe_open("/proc/1/timerslack_ns", O_WRONLY))                   \
    X(init_autogroup, EACCES, probe_open("/proc/1/autogroup", O_WRONLY))                         \
    X(mount, EPERM, mount("x", "/tmp", "tmpfs", 0, NULL))                                        \
    X(remount, EPERM, mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL))                     \
    X(umount, EPERM, umount2("/usr", MNT_DETACH))                                                \
    X(pivot_root, EPERM, syscall(SYS_pivot_root, "/tmp", "/tmp"))                                \
    X(chroot, EPERM, chroot("/tmp"))                                                             \
    X(fsopen, EPERM, syscall(SYS_fsopen, "tmpfs", 0))                                            \
    X(open_tree, EPERM, syscall(SYS_open_tree, AT_FDCWD, "/usr", 1))                             \
    X(move_mount, EPERM, syscall(SYS_move_mount, 0, "", 0, "", 0))                               \
    X(setns, EPERM, setns(0, 0))                                                                 \
    X(unshare_user, EPERM, unshare(CLONE_NEWUSER))                                               \
    X(unshare_user_high, EPERM, probe_high_unshare())                                            \
    X(unshare_mount, EPERM, unshare(CLONE_NEWNS))                                                \
    X(unshare_net, EPERM, unshare(CLONE_NEWNET))                                                 \
    X(clone_user, EPERM, probe_clone(CLONE_NEWUSER))                                             \
    X(clone_mount, EPERM, probe_clone(CLONE_NEWNS))                                              \
    X(clone_plain, 0, probe_clone(0))                                                            \
    X(clone3, ENOSYS, syscall(SYS_clone3, NULL, 0))                                              \
    X(bpf, EPERM, syscall(SYS_bpf, 0, NULL, 0))                                                  \
    X(perf_event_open, EPERM, syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0))                    \
    X(userfaultfd, EPERM, syscall(SYS_userfaultfd, 0))                                           \
    X(io_uring_setup, EPERM, syscall(SYS_io_uring_setup, 1, NULL))                               \
    X(seccomp_filter, EPERM, probe_filter(SECCOMP_SET_MODE_FILTER))                              \
    X(seccomp_filter_high, EPERM, probe_filter(SECCOMP_SET_MODE_FILTER | HIGH_BIT))              \
    X(keyctl, EPERM, syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0))                          \
    X(add_key, EPERM, syscall(SYS_add_key, "user", "x", "y", 1, -3))                             \
    X(socket_packet, EPERM, socket(AF_PACKET, SOCK_RAW, 0))                                      \
    X(socket_bluetooth, EPERM, socket(AF_BLUETOOTH, SOCK_RAW, 0))                                \
    X(socket_vsock, EPERM, socket(AF_VSOCK, SOCK_STREAM, 0))                                     \
    X(socket_alg, EPERM, socket(AF_ALG, SOCK_SEQPACKET, 0))                                      \
    X(socket_alg_high, EPERM, syscall(SYS_socket, AF_ALG | HIGH_BIT, SOCK_SEQPACKET, 0))         \
    X(socket_packet_high, EPERM, syscall(SYS_socket, AF_PACKET | HIGH_BIT, SOCK_RAW, 0))         \
    X(socket_x25, EPERM, socket(AF_X25, SOCK_SEQPACKET, 0))                                      \
    X(socket_raw, EPERM, socket(AF_INET, SOCK_RAW, 1))                                           \
    X(connect, 0, probe_connect())                                                               \
    X(connect_interrupted, 0, probe_connect_interrupted())                                       \
    X(connect_own_errno, EACCES, probe_connect_filtered(SECCOMP_RET_ERRNO | EACCES))             \
    X(connect_own_trace, 0, probe_connect_filtered(SECCOMP_RET_TRACE))                           \
    X(connect_own_listener, ENOSYS, probe_connect_filtered(SECCOMP_RET_USER_NOTIF))              \
    X(fast_open_sendto, EOPNOTSUPP, probe_fast_open(SYS_sendto))                                 \
    X(fast_open_sendmsg, EOPNOTSUPP, probe_fast_open(SYS_sendmsg))                               \
    X(fast_open_sendmmsg, EOPNOTSUPP, probe_fast_open(SYS_sendmmsg))                             \
    X(netlink_diag, EPERM, socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG))                      \
    X(netlink_route, 0, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE))                             \
    X(socket_unix, 0, socket(AF_UNIX, SOCK_STREAM, 0))                                           \
    X(setuid, EINVAL, setuid(0))                                                                 \
    X(sethostname, EPERM, sethostname("x", 1))                                                   \
    X(bounding_set, EPERM, prctl(PR_CAPBSET_DROP, 0, 0, 0, 0))                                   \
    X(core_limit, EPERM, setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}))                         \
    X(init_memory, EACCES, probe_open("/proc/1/mem", O_RDWR))                                    \
    X(init_environment, EACCES, probe_open("/proc/1/environ", O_RDONLY))                         \
    X(sysctl, EACCES, probe_open("/proc/sys/kernel/core_pattern", O_WRONLY))                     \
    X(write_usr, EROFS, probe_open("/usr/x", O_WRONLY | O_CREAT))                                \
    X(write_root, EROFS, probe_open("/x", O_WRONLY | O_CREAT))                                   \
    X(write_dev, EROFS, probe_open("/dev/x", O_WRONLY | O_CREAT))                                \
    X(read_root, EACCES, probe_open("/", O_RDONLY | O_DIRECTORY))                                \
    X(read_shadow, ENOENT, probe_open("/etc/shadow", O_RDONLY))                                  \
    X(see_home, ENOENT, access("/home", F_OK))                                                   \
    X(see_root_home, ENOENT, access("/root", F_OK))                                              \
    X(see_run, ENOENT, access("/run", F_OK))                                                     \
    X(write_tmp, 0, probe_open("/tmp/x", O_WRONLY | O_CREAT))                                    \
    X(write_work, 0, probe_open("/sandbox/x", O_WRONLY | O_CREAT))                               \
    X(write_null, 0, probe_open("/dev/null", O_WRONLY))                                          \
    X(read_passwd, 0, probe_open("/etc/passwd", O_RDONLY))

/* Prints a line for each that came out otherwise; returns how many did. */
static int probe_all(void)
{
    int wrong = 0;
#define X(name, wanted, call)                                                              \
    {                                                                                      \
        errno = 0;                                                                         \
        int got = (call) < 0 ? errno : 0;                                                  \
        if (got != (wanted)) {                                                             \
            printf("%s: errno %d (%s), wanted %d\n", #name, got, strerror(got), wanted);  \
            wrong++;                                                                       \
        }                                                                                  \
    }
    PROBES(X)
#undef X
    return wrong;
}

#if defined(__x86_64__)
/* The 32-bit system calls have other numbers, which the filter's rows do not name. */
static int probe_other_abi(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        long rc;
        __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L /* getpid */) : "memory");
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return 0;
    printf("int 0x80: status %x, wanted death by SIGSYS\n", status);
    return 1;
}
#else
static int probe_other_abi(void)
{
    return 0;
}
#endif

/* Has the kernel send each signal to init: when something can be read, by each kind of owner. */
static int probe_signals(void)
{
    const struct f_owner_ex owners[] = {{F_OWNER_PID, 1}, {F_OWNER_TID, 1}, {F_OWNER_PGRP, 1}};
    for (int number = 0; number < NSIG; number++)
        for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
            int ends[2];
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
                return 1;
            if (fcntl(ends[0], F_SETFL, O_ASYNC) != 0 || fcntl(ends[0], F_SETSIG, number) != 0 ||
                fcntl(ends[0], F_SETOWN_EX, &owners[i]) != 0)
                fprintf(stderr, "signal %d to init: %s\n", number, strerror(errno));
            for (int byte = 0; byte < 50; byte++)
                if (write(ends[1], "x", 1) != 1)
                    return 2;
            close(ends[0]);
            close(ends[1]);
        }
    return 0;
}

#endif
