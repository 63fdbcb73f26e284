/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of the test's own: 10.200.0.1 for the proxy, 10.77.0.2 and .3 for origins,
 * small socket buffers so that a slow reader is felt soon.  Enter it before anything else runs. */
#ifndef TESTS_SUPPORT_NETWORK_H
#define TESTS_SUPPORT_NETWORK_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROXY_ADDRESS "10.200.0.1"
#define ORIGIN_ADDRESS "10.77.0.2"
#define OTHER_ADDRESS "10.77.0.3"
#define OWN_ADDRESS "198.41.0.4"                    /* public, and this machine's */

static inline void network_fail(const char *what)
{
    fprintf(stderr, "cannot make the test's network: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline void network_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        network_fail(path);
    close(fd);
}

static inline void network_add_address(const char *address)
{
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg message;
        struct rtattr attribute;
        struct in_addr address;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE},
        .message = {.ifa_family = AF_INET, .ifa_prefixlen = 32,
                    .ifa_index = if_nametoindex("lo")},
        .attribute = {.rta_len = RTA_LENGTH(sizeof(struct in_addr)), .rta_type = IFA_LOCAL},
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    inet_pton(AF_INET, address, &request.address);
    if (fd < 0 || send(fd, &request, sizeof request, 0) != (ssize_t)sizeof request)
        network_fail(address);
    close(fd);
}

static inline void network_enter(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        network_fail("unshare");
    network_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    network_write("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    network_write("/proc/self/gid_map", map);
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &up) != 0)
        network_fail("lo");
    close(fd);
    network_add_address(PROXY_ADDRESS);
    network_add_address(ORIGIN_ADDRESS);
    network_add_address(OTHER_ADDRESS);
    network_add_address(OWN_ADDRESS);
    network_write("/proc/sys/net/ipv4/tcp_rmem", "4096 65536 65536");
    network_write("/proc/sys/net/ipv4/tcp_wmem", "4096 65536 65536");
}

/* A listening socket; *port 0 picks one. */
static inline int network_listen(const char *address, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, address, &at.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        network_fail("listen");
    *port = ntohs(at.sin_port);
    return fd;
}

#endif
