/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "init.h"

static int loopback_up(int sock, char *reason)
{
    struct ifreq request = {.ifr_name = "lo"};
    if (ioctl(sock, SIOCGIFFLAGS, &request) != 0)
        return init_reason(reason, "cannot find the sandbox's loopback interface: %m");
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (ioctl(sock, SIOCSIFFLAGS, &request) != 0)
        return init_reason(reason, "cannot bring up the sandbox's loopback interface: %m");
    return 0;
}

/* A second address on lo: the ioctl could only replace 127.0.0.1, so this one goes by netlink. */
static int add_address(struct in_addr address, char *reason)
{
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg message;
        struct rtattr attribute;
        struct in_addr address;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .message = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_HOST,
                    .ifa_index = if_nametoindex("lo")},
        .attribute = {.rta_len = RTA_LENGTH(sizeof address), .rta_type = IFA_LOCAL},
        .address = address,
    };
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[256];
    } answer = {0};
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (sock < 0)
        return init_reason(reason, "cannot open a route netlink socket: %m");
    ssize_t got = -1;
    if (send(sock, &request, sizeof request, 0) == (ssize_t)sizeof request)
        got = recv(sock, &answer, sizeof answer, 0);
    close(sock);
    if (got < (ssize_t)NLMSG_LENGTH(sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR)
        return init_reason(reason, "cannot add " WIRE_PROXY_ADDRESS " to the loopback: %m");
    if (answer.error.error != 0)
        return init_reason(reason, "cannot add " WIRE_PROXY_ADDRESS " to the loopback: %s",
                           strerror(-answer.error.error));
    return 0;
}

/* A socket that is bound, and listens if it can. */
static int open_socket(struct in_addr address, int type, uint16_t port, int *out, char *reason)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address};
    *out = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*out < 0 || bind(*out, (struct sockaddr *)&at, sizeof at) != 0 ||
        (type == SOCK_STREAM && listen(*out, SOMAXCONN) != 0))
        return init_reason(reason, "cannot listen on " WIRE_PROXY_ADDRESS ":%d in the sandbox: %m",
                           port);
    return 0;
}

int init_network(int fds[NETWORK_FDS], char *reason)
{
    struct in_addr address;
    inet_pton(AF_INET, WIRE_PROXY_ADDRESS, &address);
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return init_reason(reason, "cannot open a socket in the sandbox: %m");
    int rc = loopback_up(sock, reason);
    close(sock);
    if (rc != 0 || add_address(address, reason) != 0 ||
        open_socket(address, SOCK_STREAM, WIRE_PROXY_PORT, &fds[NETWORK_PROXY], reason) != 0 ||
        open_socket(address, SOCK_STREAM, WIRE_TRANSPARENT_PORT, &fds[NETWORK_TRANSPARENT],
                    reason) != 0 ||
        open_socket(address, SOCK_DGRAM, WIRE_DNS_PORT, &fds[NETWORK_DNS_UDP], reason) != 0)
        return -1;
    return open_socket(address, SOCK_STREAM, WIRE_DNS_PORT, &fds[NETWORK_DNS_TCP], reason);
}

void init_hand_out_sockets(const struct init *init, uint32_t id)
{
    static const int families[] = {AF_INET, AF_INET6};
    const struct init_message started = {
        .version = WIRE_VERSION, .type = INIT_STARTED, .id = id};
    int fds[2];
    size_t n = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        fds[n] = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        n += fds[n] >= 0;
    }
    init_tell(init, &started, fds, n);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

/* Before any command runs, so that no workload has the address; without one where it cannot be
 * had. */
void init_hand_out_listener(const struct init *init, uint32_t id)
{
    const struct init_message started = {
        .version = WIRE_VERSION, .type = INIT_STARTED, .id = id};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(at.sun_path, WIRE_MAIN_SOCKET, sizeof WIRE_MAIN_SOCKET - 1);
    bool listens = fd >= 0 && bind(fd, (struct sockaddr *)&at, WIRE_MAIN_SOCKET_LEN) == 0 &&
                   listen(fd, SOMAXCONN) == 0;
    init_tell(init, &started, &fd, listens);
    if (fd >= 0)
        close(fd);
}
