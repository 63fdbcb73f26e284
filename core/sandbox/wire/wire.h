/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the supervisor and sluice-init, over a SOCK_SEQPACKET pair.
 *
 * Every message is one struct init_message.  SETUP and EXEC carry a body too long for a packet: it
 * rides in a memfd beside the message (SCM_RIGHTS).  Both programs come from one build and one
 * machine, so the structs travel as they are; the version is there for a half-finished upgrade.
 * A body is a fixed struct followed by NUL-terminated strings in the order given below.  This file
 * needs only libc, because sluice-init links nothing else.
 *
 * The order: the supervisor sends SETUP, init answers READY with its descriptors or FAILED; then
 * each EXEC is answered by STARTED with its descriptors and, later, EXITED.  When either end of the
 * pair closes, the sandbox ends: init then kills everything in it. */
#ifndef SANDBOX_WIRE_WIRE_H
#define SANDBOX_WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    WIRE_VERSION = 8,
    WIRE_FDS_MAX = 5,
    WIRE_TEXT_SIZE = 480,
    WIRE_BODY_MAX = 16 * 1024 * 1024,
    WIRE_STRINGS_MAX = 4096,
    WIRE_PATH_MAX = 4096,
};

enum init_message_type {
    INIT_SETUP = 1,         /* to init: body setup_body */
    INIT_EXEC,              /* to init: body exec_body; id is the sender's choice */
    INIT_SOCKETS,           /* to init: TCP sockets of the sandbox's network, one of IPv4 and, where
                             * there is IPv6, one of it; answered by STARTED alone */
    INIT_LISTEN,            /* to init: the socket that listens at WIRE_MAIN_SOCKET; likewise */
    INIT_KILL,              /* to init: value is the signal for the process group of job id */
    INIT_STOP,              /* to init: value is the grace in ms between SIGTERM and the end */
    INIT_BEGUN,             /* from init, its first message: it has begun */
    INIT_READY,             /* from init; descriptors: with the network, those of enum network_fd */
    INIT_FAILED,            /* from init: text says why there is no sandbox */
    INIT_WARNING,           /* from init: text */
    INIT_STARTED,           /* from init: value is the pid inside; descriptors: with a terminal its
                             * master, without streams none, else the far ends of stdin, stdout and
                             * stderr.  Without streams it comes once the program runs */
    INIT_EXITED,          /* from init: value is the exit code, 128 + signal, or 126/127 with a text
                             * when the command could not be started */
};

/* What init makes in the sandbox's network namespace and hands out. */
enum network_fd {
    NETWORK_PROXY,                                  /* the proxy's listening socket */
    NETWORK_TRANSPARENT, /* the other one, for programs that know no proxy */
    NETWORK_DNS_UDP,                                /* the resolver's sockets, bound */
    NETWORK_DNS_TCP,
    NETWORK_CONNECTS, /* seccomp listener for the workload's connects */
    NETWORK_FDS
};

struct init_message {
    uint32_t version, type;
    uint32_t id;
    int32_t value;
    char text[WIRE_TEXT_SIZE];                      /* always ends in NUL */
};

enum {
    SETUP_NETWORK = 1 << 0,                         /* make what enum network_fd lists */
    SETUP_STRICT = 1 << 1,                          /* landlock.compatibility: hard_requirement */
};

/* The fixed part is followed by n_mounts struct wire_mount, n_guards struct wire_guard and n_files
 * struct wire_file.  Strings: source and target of each mount, the path of each guard, the paths
 * for Landlock, the path of each file.  Then the content of each file, and a NUL. */
struct setup_body {
    uint32_t flags;
    uint32_t uid, gid;                              /* what the workload sees itself as */
    uint32_t n_mounts, n_guards;
    uint32_t n_read_only, n_read_write;
    uint32_t n_files;
};

enum mount_kind {
    MOUNT_READ_ONLY,                                /* a file or folder of the host */
    MOUNT_READ_WRITE,
    MOUNT_DEVICE,                                   /* a device node of the host */
    MOUNT_LINK,                                     /* symbolic link; source is its text */
    MOUNT_PRIVATE,                                  /* an empty folder of the sandbox's own */
    MOUNT_WORKDIR,                                  /* the work folder, writable */
    MOUNT_WORKDIR_READ_ONLY,
};

struct wire_mount {                                 /* parents come before what lies below them */
    uint64_t device, inode;                         /* what the plan judged; host kinds only */
    uint32_t kind, reserved;
};

/* What a listed folder does not lend with the rest of its content. */
enum guard_kind {
    GUARD_HIDDEN,                                   /* seen only where it is listed by itself */
    GUARD_OWN,                                      /* the gateway's: never seen */
    GUARD_READ_ONLY,                                /* the gateway's: never written */
    GUARD_LISTED,                                   /* listed read-only in a writable folder */
};

struct wire_guard {
    uint64_t device, inode;                         /* 0 where it does not exist or is a pattern */
    uint32_t kind, pattern;                         /* pattern: components are globs */
};

struct wire_file {                                  /* of the sandbox's own */
    uint64_t size;
    uint32_t mode, reserved;                        /* mode: its permission bits */
};

enum exec_streams { EXEC_PIPES, EXEC_TERMINAL, EXEC_NO_STREAMS };   /* the last: /dev/null */

struct exec_body {                                  /* strings: argv, environment, folder */
    uint32_t n_argv, n_env;
    uint32_t streams;
    uint16_t cols, rows;
};

/* Both return 0 or -1 with errno.  The descriptors stay the sender's; the receiver owns those it
 * gets, all of them close-on-exec. */
int sandbox_wire_send(int channel, const struct init_message *message, const int *fds,
                      size_t n_fds);

struct wire_packet {
    struct init_message message;
    int fds[WIRE_FDS_MAX];
    size_t n_fds;
    pid_t sender;                             /* in the receiver's view, with SO_PASSCRED; else 0 */
};
/* 1: a packet, without descriptors where not all of them could be opened here; 0: the other end has
 * closed;
 * -1: errno, EAGAIN when the channel does not block, EPROTO for what no partner of ours sends. */
int sandbox_wire_receive(int channel, struct wire_packet *out);
void sandbox_wire_drop_fds(struct wire_packet *packet);

/* A body as a sealed memfd, or -1 with errno. */
int sandbox_wire_body(const void *bytes, size_t len);

/* Where init finds the host's files while it builds the sandbox's. */
#define WIRE_HOST "/.host"

/* Where the sandbox's proxy and its resolver listen, on the sandbox's own loopback. */
#define WIRE_PROXY_ADDRESS "10.200.0.1"
enum { WIRE_PROXY_PORT = 3128, WIRE_DNS_PORT = 53, WIRE_CHANNEL_FD = 3 };
/* Where clients within the sandbox attach to its main process: an abstract address, so that it is
 * one of its network alone. */
#define WIRE_MAIN_SOCKET "\0sluice-main"
#define WIRE_MAIN_SOCKET_LEN                                                        \
    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof WIRE_MAIN_SOCKET - 1)
/* Which port it is concerns nobody: one that no workload can bind, and so misses. */
enum { WIRE_TRANSPARENT_PORT = 1 };

_Static_assert((int)NETWORK_FDS <= (int)WIRE_FDS_MAX, "READY carries them all");

#endif
