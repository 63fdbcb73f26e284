/* SPDX-License-Identifier: Apache-2.0 */
/* The system's resolver, answered by the test: a DNS server at 10.77.0.3:53 that reads what it says
 * from a table, and can keep an answer back. */
#ifndef TESTS_SUPPORT_FAKE_DNS_H
#define TESTS_SUPPORT_FAKE_DNS_H

#include "support/rig.h"

#include <sys/mount.h>

/* name, then the answers to its first, second, ... question for that type; the last one stays.
 * An answer is a list of addresses, "none", "nxdomain" or "silent"; "wait" before it holds it
 * back. */
struct resolver_name {
    const char *name, *a[4], *aaaa[4];
};

struct resolver {
    struct rig *rig;
    uv_poll_t poll;
    int fd;
    const struct resolver_name *names;
    unsigned asked_a[24], asked_aaaa[24];           /* by name */
    struct buf questions;                           /* "NAME " each */
    struct {
        struct sockaddr_in to;
        size_t len;
        char answer[512];
    } kept[4];                                      /* answers that the end brings */
    unsigned waiting;
};

static inline void resolver_write(const char *path, const char *text, const char *over)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        network_fail(path);
    close(fd);
    if (mount(path, over, "", MS_BIND, NULL) != 0)
        network_fail(over);
    unlink(path);
}

/* What resolver_enter has put in the place of a file of the system. */
static inline void resolver_rewrite(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        network_fail(path);
    close(fd);
}

/* Once network_enter has made us root of a user namespace. */
static inline void resolver_enter(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) != 0)
        network_fail("unshare");
    char path[] = "/tmp/sluice-resolver-XXXXXX";
    close(mkstemp(path));
    resolver_write(path, "search evil.test\nnameserver " OTHER_ADDRESS
                         "\noptions ndots:5 timeout:10 attempts:1\n",
                   "/etc/resolv.conf");
    resolver_write(path, "hosts: files dns\n", "/etc/nsswitch.conf");
    resolver_write(path, "", "/etc/hosts");
}

static inline void resolver_record(struct buf *out, const char *address, int type)
{
    char bytes[16];
    assert_int_equal(inet_pton(type == 1 ? AF_INET : AF_INET6, address, bytes), 1);
    buf_add(out, "\xc0\x0c", 2);                    /* the name that was asked for */
    buf_add(out, type == 1 ? "\0\1" : "\0\x1c", 2);
    buf_add(out, "\0\1\0\0\0\0", 6);                /* IN, and not to be kept */
    buf_add(out, type == 1 ? "\0\4" : "\0\x10", 2);
    buf_add(out, bytes, type == 1 ? 4 : 16);
}

/* The name as text; its length in the message. */
static inline size_t resolver_name_of(const unsigned char *at, char out[256])
{
    size_t len = 0, n = 0;
    for (; at[len]; len += 1 + at[len]) {
        memcpy(out + n, at + len + 1, at[len]);
        n += at[len];
        out[n++] = '.';
    }
    out[n ? n - 1 : 0] = '\0';
    return len + 1;
}

static inline const char *resolver_says(struct resolver *r, const char *name, int type)
{
    for (size_t i = 0; r->names[i].name; i++) {
        if (strcmp(r->names[i].name, name) != 0)
            continue;
        const char *const *list = type == 1 ? r->names[i].a : r->names[i].aaaa;
        unsigned *asked = type == 1 ? &r->asked_a[i] : &r->asked_aaaa[i];
        const char *said = list[*asked] ? list[*asked] : "none";
        *asked += *asked < 3 && list[*asked + 1];
        return said;
    }
    return "nxdomain";
}

static inline void resolver_keep(struct resolver *r, const struct buf *answer,
                                 const struct sockaddr_in *to)
{
    assert_true(r->waiting < sizeof r->kept / sizeof *r->kept);
    assert_true(answer->len < sizeof r->kept->answer);
    r->kept[r->waiting].to = *to;
    r->kept[r->waiting].len = answer->len;
    memcpy(r->kept[r->waiting++].answer, answer->data, answer->len);
}

static inline void resolver_answer(struct resolver *r, const unsigned char *q,
                                   const struct sockaddr_in *to)
{
    char name[256], copy[1024], *rest = copy, *word;
    size_t name_len = resolver_name_of(q + 12, name);
    int type = q[12 + name_len + 1], n = 0;
    const char *said = resolver_says(r, name, type);
    struct buf out = {0}, records = {0};
    bool wait = strncmp(said, "wait", 4) == 0;
    said += wait ? strspn(said, "wait ") : 0;
    buf_printf(&r->questions, "%s ", name);
    snprintf(copy, sizeof copy, "%s",
             strcmp(said, "none") && strcmp(said, "silent") && strcmp(said, "nxdomain") ? said
                                                                                        : "");
    while ((word = strsep(&rest, " ")) && *word) {
        resolver_record(&records, word, type);
        n++;
    }
    buf_add(&out, q, 2);
    buf_add(&out, strcmp(said, "nxdomain") == 0 ? "\x81\x83" : "\x81\x80", 2);
    buf_add(&out, "\0\1\0", 3);
    buf_putc(&out, (char)n);
    buf_add(&out, "\0\0\0\0", 4);
    buf_add(&out, q + 12, name_len + 4);
    buf_add(&out, records.data, records.len);
    if (wait)
        resolver_keep(r, &out, to);
    else if (strcmp(said, "silent") != 0)
        sendto(r->fd, out.data, out.len, 0, (const struct sockaddr *)to, sizeof *to);
    buf_free(&out);
    buf_free(&records);
}

static inline void resolver_events(uv_poll_t *poll, int status, int events)
{
    struct resolver *r = poll->data;
    unsigned char question[512];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    (void)status;
    (void)events;
    ssize_t n = recvfrom(r->fd, question, sizeof question, 0, (struct sockaddr *)&from, &size);
    if (n > 16)
        resolver_answer(r, question, &from);
}

/* names ends with a row without a name. */
static inline void resolver_start(struct resolver *r, struct rig *rig,
                                  const struct resolver_name *names)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    *r = (struct resolver){.rig = rig, .names = names};
    inet_pton(AF_INET, OTHER_ADDRESS, &at.sin_addr);
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(r->fd, (struct sockaddr *)&at, sizeof at) != 0)
        network_fail("DNS");
    uv_poll_init(&rig->loop, &r->poll, r->fd);
    r->poll.data = r;
    uv_poll_start(&r->poll, UV_READABLE, resolver_events);
}

/* Sends the answers that were held back. */
static inline void resolver_release(struct resolver *r)
{
    for (unsigned i = 0; i < r->waiting; i++)
        sendto(r->fd, r->kept[i].answer, r->kept[i].len, 0,
               (const struct sockaddr *)&r->kept[i].to, sizeof r->kept[i].to);
    r->waiting = 0;
}

static inline void resolver_stop(struct resolver *r)
{
    resolver_release(r);
    uv_close((uv_handle_t *)&r->poll, NULL);
    uv_run(&r->rig->loop, UV_RUN_NOWAIT);
    close(r->fd);
    buf_free(&r->questions);
}

#endif
