/* SPDX-License-Identifier: Apache-2.0 */
/* sluice console: opens a port of this machine through which a browser reaches the gateway, and
 * prints a link to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "cli/console/relay.h"

enum {
    CONNECTIONS_MAX = 64,                           /* of whose console it is */
    SHARE = 16,                                     /* of each user, until that is known */
    OTHERS_MAX = 8,                                 /* of all others afterwards */
    GUESTS_MAX = 2 * CONNECTIONS_MAX + OTHERS_MAX,
};

static int open_port(long wanted, uint16_t *port)
{
    const int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)wanted),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        *port = ntohs(at.sin_port);
        return fd;
    }
    complain("cannot listen on port %ld of 127.0.0.1: %s", wanted, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Shared by the processes of all connections, as the link works once for all of them. */
static struct relay_session *share_session(void)
{
    void *memory = mmap(NULL, sizeof(struct relay_session), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void print_link(const struct relay *relay)
{
    char expires[CLOCK_TEXT_SIZE];
    char *url = alloc_printf("http://%s/open/%s", relay->authority, relay->link);
    if (relay->cli->output == OUT_TABLE) {
        terminal_print(stdout, "%s\n", url);
    } else {
        clock_format(clock_now_ms() + 1000 * RELAY_LINK_S, expires);
        json_t *json = json_pack("{s:s, s:s}", "url", url, "expires_at", expires);
        print_item(relay->cli, json);
        json_decref(json);
    }
    fflush(stdout);
    say(relay->cli,
        "open it in a browser within %d seconds: it works once. Ctrl-C ends the console",
        RELAY_LINK_S);
    free(url);
}

/* ---- connections, each in a process of its own ---- */

struct crowd {
    struct guest {
        pid_t pid;
        uid_t uid;
    } guests[GUESTS_MAX];
    size_t n;
};

/* The process ends with this one. */
static pid_t serve(const struct relay *relay, int listener, int client, uid_t uid)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_DONE);
    close(listener);
    relay_serve(relay, client, uid);
    shutdown(client, SHUT_RDWR);
    _exit(EXIT_DONE);
}

static void reap(struct crowd *crowd, bool wait)
{
    pid_t ended;
    while (crowd->n && (ended = waitpid(-1, NULL, wait ? 0 : WNOHANG)) > 0) {
        for (size_t i = 0; i < crowd->n; i++)
            if (crowd->guests[i].pid == ended)
                crowd->guests[i--] = crowd->guests[--crowd->n];
        wait = false;
    }
}

/* Of this user, or of all but this one. */
static size_t count(const struct crowd *crowd, uid_t uid, bool others)
{
    size_t n = 0;
    for (size_t i = 0; i < crowd->n; i++)
        n += (crowd->guests[i].uid == uid) != others;
    return n;
}

/* Another user of this machine could hold connections open until there is none left.  Whose console
 * it is is known once the link is redeemed; until then everybody has a share. */
static bool has_room(const struct relay *relay, const struct crowd *crowd, uid_t uid)
{
    if (!relay_is_redeemed(relay))
        return crowd->n < CONNECTIONS_MAX && count(crowd, uid, false) < SHARE;
    return uid == relay->session->uid || count(crowd, relay->session->uid, true) < OTHERS_MAX;
}

static void take(const struct relay *relay, struct crowd *crowd, int listener)
{
    bool owned = relay_is_redeemed(relay);
    reap(crowd, owned && count(crowd, relay->session->uid, false) >= CONNECTIONS_MAX);
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    uid_t uid = relay_peer(client);
    pid_t pid = has_room(relay, crowd, uid) ? serve(relay, listener, client, uid) : -1;
    if (pid > 0)
        crowd->guests[crowd->n++] = (struct guest){pid, uid};
    close(client);
}

/* How long the next connection is waited for: once nobody can come any more, no longer. */
static int wait_ms(const struct relay *relay)
{
    int64_t left = relay->until - clock_boot_ms();
    if (relay_is_redeemed(relay))
        return -1;
    return left > 0 ? (int)left : 0;
}

static bool link_is_dead(const struct relay *relay)
{
    return atomic_load(&relay->session->link) == LINK_NEW && clock_boot_ms() >= relay->until;
}

static int serve_all(const struct relay *relay, int listener)
{
    struct crowd crowd = {.n = 0};
    for (;;) {
        struct pollfd p = {listener, POLLIN, 0};
        poll(&p, 1, wait_ms(relay));
        if (link_is_dead(relay)) {
            complain("nobody opened the link within %d seconds, so it has expired: run 'sluice "
                     "console' again for a new one",
                     RELAY_LINK_S);
            return EXIT_REFUSED;
        }
        take(relay, &crowd, listener);
    }
}

/* That the gateway can be reached is told before a link is printed. */
static int check_gateway(const struct cli *cli)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str("/v1/whoami")}, &reply);
    int code = reply.status == 200 ? -1 : reply_failed(cli, &reply);
    reply_free(&reply);
    return code;
}

int cmd_console(struct cli *cli)
{
    struct relay relay = {.cli = cli};
    long wanted;
    uint16_t port = 0;
    if (cli->n_operands)
        return usage_error(cli, "console takes no operand, not '%s'", cli->operands[0]);
    if (arg_number(cli, "port", 0, 65535, &wanted) != 0)
        return EXIT_USAGE;
    int code = check_gateway(cli);
    if (code >= 0)
        return code;
    int listener = open_port(wanted, &port);
    relay.session = share_session();
    if (listener < 0 || !relay.session)
        return EXIT_REFUSED;
    relay.until = clock_boot_ms() + 1000 * RELAY_LINK_S;
    snprintf(relay.authority, sizeof relay.authority, "127.0.0.1:%u", port);
    snprintf(relay.cookie_name, sizeof relay.cookie_name, "sluice-console-%u", port);
    digest_secret(relay.link);
    digest_secret(relay.cookie);
    print_link(&relay);
    return serve_all(&relay, listener);
}
