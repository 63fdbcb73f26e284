/* SPDX-License-Identifier: Apache-2.0 */
/* The files of /etc that say who and where a program is and whom it may trust: a sandbox has its
 * own, never the host's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

struct identity {
    char name[256];
    uint32_t uid, gid;
};

/* No password: sshd lets in whom the gateway lets through. */
static void write_passwd(FILE *out, const struct identity *who)
{
    fprintf(out, "root:x:0:0::/:/usr/sbin/nologin\n"
                 "sandbox::%u:%u::/sandbox:/bin/bash\n"
                 "nobody:x:65534:65534::/:/usr/sbin/nologin\n", who->uid, who->gid);
}

static void write_group(FILE *out, const struct identity *who)
{
    fprintf(out, "root:x:0:\nsandbox:x:%u:\nnogroup:x:65534:\n", who->gid);
}

static void write_hosts(FILE *out, const struct identity *who)
{
    fprintf(out, "127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n",
            who->name);
}

static void write_hostname(FILE *out, const struct identity *who)
{
    fprintf(out, "%s\n", who->name);
}

static void write_resolver(FILE *out, const struct identity *who)
{
    (void)who;
    fputs("# Gives each name an address that stands for it within this sandbox.\n"
          "nameserver " WIRE_PROXY_ADDRESS "\n", out);
}

static void write_switch(FILE *out, const struct identity *who)
{
    (void)who;
    fputs("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
          "protocols: files\nservices: files\nethers: files\nrpc: files\n", out);
}

static const struct {
    const char *name;
    void (*write)(FILE *out, const struct identity *who);
} files[] = {
    {"passwd", write_passwd},     {"group", write_group},           {"hosts", write_hosts},
    {"hostname", write_hostname}, {"resolv.conf", write_resolver},  {"nsswitch.conf", write_switch},
};

static int write_one(struct tree *tree, int etc, size_t i, const struct identity *who)
{
    int fd = openat(etc, files[i].name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out)
        files[i].write(out, who);
    if (!out || fclose(out) != 0)
        return init_reason(tree->reason, "cannot write /etc/%s of the sandbox's own: %m",
                           files[i].name);
    return 0;
}

static int write_bytes(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return -1;
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_planned(struct tree *tree, const struct setup_file *file)
{
    const struct stat folder = {.st_mode = S_IFDIR};
    const char *name = strrchr(file->path, '/');
    char parent[WIRE_PATH_MAX];
    int place;
    snprintf(parent, sizeof parent, "%.*s", (int)(name - file->path), file->path);
    if (tree_open_place(tree, &(struct place){parent, -1, false}, &folder, &place) != 0)
        return -1;
    int fd = openat(place, name + 1, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    file->mode);
    int rc = fd < 0 ? -1 : write_bytes(fd, file->bytes, file->size);
    if (rc != 0)
        init_reason(tree->reason, "cannot write %s of the sandbox's own: %m", file->path);
    if (fd >= 0)
        close(fd);
    close(place);
    return rc;
}

static int write_identity(struct tree *tree, uint32_t uid, uint32_t gid)
{
    const struct stat folder = {.st_mode = S_IFDIR};
    struct identity who = {.uid = uid, .gid = gid};
    int place, rc = 0;
    if (gethostname(who.name, sizeof who.name - 1) != 0)
        return init_reason(tree->reason, "cannot ask for the sandbox's host name: %m");
    if (tree_open_place(tree, &(struct place){"/etc", -1, false}, &folder, &place) != 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++)
        rc = write_one(tree, place, i, &who);
    close(place);
    return rc;
}

int tree_write_own_files(struct tree *tree, uint32_t uid, uint32_t gid)
{
    int rc = write_identity(tree, uid, gid);
    for (size_t i = 0; rc == 0 && i < tree->plan->n_files; i++)
        rc = write_planned(tree, &tree->plan->files[i]);
    return rc;
}
