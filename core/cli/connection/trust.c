/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection/trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/diag.h"

/* The uid of --gateway-user, a name or a number.  -1 after saying that there is none. */
static int read_owner(const struct cli *cli, uid_t *out)
{
    char *end;
    unsigned long number = strtoul(cli->gateway_user, &end, 10);
    const struct passwd *entry =
        *end || end == cli->gateway_user ? getpwnam(cli->gateway_user) : NULL;
    if (!entry && (*end || end == cli->gateway_user)) {
        usage_error(cli, "--gateway-user: there is no user '%s'", cli->gateway_user);
        return -1;
    }
    *out = entry ? entry->pw_uid : (uid_t)number;
    return 0;
}

static bool is_trusted(const struct cli *cli, uid_t uid)
{
    uid_t owner;
    if (uid == 0 || uid == geteuid())
        return true;
    return cli->gateway_user && read_owner(cli, &owner) == 0 && uid == owner;
}

static const char advice[] = "the token was not sent; --gateway-user USER names whose gateway it "
                             "is, if it is not yours or root's";

static bool refuse_owner(const char *path, const char *what, uid_t uid)
{
    complain("%s %s uid %u, not to you (uid %u) or root: %s", path, what, (unsigned)uid,
             (unsigned)geteuid(), advice);
    return false;
}

/* Others may put something else in its place: not below a sticky folder, for what is not theirs. */
static bool may_be_replaced(const struct stat *folder)
{
    bool by_group = folder->st_mode & S_IWGRP && folder->st_gid != getegid() && folder->st_gid != 0;
    return (by_group || folder->st_mode & S_IWOTH) && !(folder->st_mode & S_ISVTX);
}

static bool check_folders(const struct cli *cli, char *path)
{
    struct stat st;
    for (char *slash; (slash = strrchr(path, '/'));) {
        slash[slash == path] = '\0';
        if (stat(path, &st) != 0)
            return true;
        if (!is_trusted(cli, st.st_uid))
            return refuse_owner(path, "belongs to", st.st_uid);
        if (may_be_replaced(&st)) {
            complain("others may write to the folder %s, in which the gateway's socket lies: the "
                     "token was not sent; "
                     "chmod o-w,g-w %s, or use a socket elsewhere",
                     path, path);
            return false;
        }
        if (slash == path)
            break;
    }
    return true;
}

/* The socket and the folders in which it lies. */
static bool check_path(const struct cli *cli, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL);
    if (!real)
        return true; /* what cannot be reached is told by who tries */
    bool trusted = stat(real, &st) != 0 || is_trusted(cli, st.st_uid)
                       ? check_folders(cli, real)
                       : refuse_owner(path, "belongs to", st.st_uid);
    free(real);
    return trusted;
}

static bool is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *four = (const void *)address;
    const struct sockaddr_in6 *six = (const void *)address;
    if (address->sa_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family != AF_INET6)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
}

bool trust_plain(const struct cli *cli, const struct sockaddr *address)
{
    if (!cli_token(cli) || cli->insecure || is_loopback(address))
        return true;
    complain("%s leads to another machine without TLS: the token was not sent, as anybody on "
             "the way could read it; "
             "use https://, or a tunnel to a loopback address, or insist with --insecure",
             cli->gateway);
    return false;
}

bool trust_tcp(const struct cli *cli, int fd)
{
    struct sockaddr_storage server, client;
    socklen_t server_len = sizeof server, client_len = sizeof client;
    uid_t uid;
    if (!cli_token(cli) || cli->insecure)
        return true;
    bool known = getpeername(fd, (struct sockaddr *)&server, &server_len) == 0 &&
                 getsockname(fd, (struct sockaddr *)&client, &client_len) == 0;
    if (known && !is_loopback((struct sockaddr *)&server))
        return true;
    if (known && http_diag_server(&client, &server, &uid))
        return is_trusted(cli, uid) || refuse_owner(cli->gateway, "is served by", uid);
    complain("cannot find out which user serves %s: the token was not sent; use the gateway's "
             "socket, or insist with "
             "--insecure",
             cli->gateway);
    return false;
}

bool trust_socket(const struct cli *cli, int fd, const char *path)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (!cli_token(cli))
        return true;
    if (!check_path(cli, path))
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        complain("cannot find out who listens at %s (%s): the token was not sent", path,
                 strerror(errno));
        return false;
    }
    return is_trusted(cli, peer.uid) || refuse_owner(path, "is served by", peer.uid);
}
