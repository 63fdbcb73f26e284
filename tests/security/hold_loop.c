/* SPDX-License-Identifier: Apache-2.0 */
/* Tries to make the supervisor wait for a socket of the workload, which it connects and closes:
 *
 *     hold_loop block ADDRESS PORT      the socket begins to block while it is being connected
 *     hold_loop linger ADDRESS PORT     it is closed while it is being connected, and lingers
 *
 * Either way the socket hears nothing more from its peer.  waits.bats builds it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ATTEMPTS = 100, BLOCKERS = 3, TTL_OF_NOBODY = 255, LINGERS_S = 600 };

struct shared {
    atomic_int fd;
    atomic_bool answered;                           /* its connect */
};

static void make_deaf(int fd)
{
    const int ttl = TTL_OF_NOBODY;
    setsockopt(fd, IPPROTO_IP, IP_MINTTL, &ttl, sizeof ttl);
}

static void *make_block(void *arg)
{
    struct shared *shared = arg;
    for (;;)
        fcntl(atomic_load(&shared->fd), F_SETFL, 0);
    return NULL;
}

static bool is_being_connected(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_state == TCP_SYN_SENT;
}

/* In a process of its own, as only its end ends the call: the connection is never made. */
static void connect_and_end(int fd, const struct sockaddr_in *to)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(connect(fd, (const struct sockaddr *)to, sizeof *to));
    while (!is_being_connected(fd) && waitpid(pid, NULL, WNOHANG) == 0)
        sched_yield();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void block(const struct sockaddr_in *to)
{
    struct shared shared = {.fd = -1};
    pthread_t threads[BLOCKERS];
    for (int i = 0; i < BLOCKERS; i++)
        pthread_create(&threads[i], NULL, make_block, &shared);
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        make_deaf(fd);
        atomic_store(&shared.fd, fd);
        connect_and_end(fd, to);
        close(fd);
    }
}

/* The supervisor has its own descriptor by then, which is the last one if this is fast enough. */
static void *close_it(void *arg)
{
    struct shared *shared = arg;
    const struct linger lingers = {.l_onoff = 1, .l_linger = LINGERS_S};
    int fd = atomic_load(&shared->fd);
    while (send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1 && !atomic_load(&shared->answered))
        sched_yield();
    make_deaf(fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers);
    close(fd);
    return NULL;
}

/* A thread that was too late waits itself. */
static void linger(const struct sockaddr_in *to)
{
    static struct shared attempts[ATTEMPTS];
    pthread_t thread;
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        atomic_init(&attempts[i].fd, fd);
        pthread_create(&thread, NULL, close_it, &attempts[i]);
        pthread_detach(thread);
        connect(fd, (const struct sockaddr *)to, sizeof *to);
        atomic_store(&attempts[i].answered, true);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
        return 2;
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    (strcmp(argv[1], "block") == 0 ? block : linger)(&to);
    puts("done");
    return 0;
}
