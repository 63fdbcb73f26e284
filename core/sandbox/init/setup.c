/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

int init_reason(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, WIRE_TEXT_SIZE, format, args);
    va_end(args);
    return -1;
}

void init_pause(void)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

int init_tell(const struct init *init, const struct init_message *message, const int *fds,
              size_t n_fds)
{
    while (sandbox_wire_send(init->channel, message, fds, n_fds) != 0) {
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
            _exit(1);                          /* nobody supervises: end, and the sandbox with it */
        if (n_fds > 0 && errno != ENOMEM && errno != ENOBUFS && errno != EAGAIN)
            return -1;
        init_pause();
    }
    return 0;
}

void init_send(const struct init *init, enum init_message_type type, uint32_t id, int32_t value,
               const char *text)
{
    struct init_message message = {.version = WIRE_VERSION, .type = type, .id = id, .value = value};
    snprintf(message.text, sizeof message.text, "%s", text);
    init_tell(init, &message, NULL, 0);
}

struct setup {                                      /* points into its body */
    struct setup_body fixed;
    struct setup_plan plan;
    struct landlock_paths paths;
    const struct wire_file *files;
    const char **mount_paths, **guard_paths, **file_paths;
};

static void warn(void *ctx, const char *text)
{
    init_send(ctx, INIT_WARNING, 0, 0, text);
}

/* The next n bytes of a body's fixed-size records, or NULL when there are fewer. */
static const void *take_records(struct body *body, size_t n)
{
    const char *records = body->next;
    if (n > (size_t)(body->bytes + body->len - records))
        return NULL;
    body->next += n;
    return records;
}

static int read_plan(struct body *body, const struct setup_body *fixed, struct setup *out,
                     char *reason)
{
    size_t n_mounts = fixed->n_mounts, n_guards = fixed->n_guards;
    struct setup_plan *plan = &out->plan;
    const struct wire_mount *mounts = n_mounts > WIRE_STRINGS_MAX / 2 ? NULL
        : take_records(body, n_mounts * sizeof *mounts);
    const struct wire_guard *guards = !mounts || n_guards > WIRE_STRINGS_MAX ? NULL
        : take_records(body, n_guards * sizeof *guards);
    out->files = !guards || fixed->n_files > WIRE_STRINGS_MAX ? NULL
        : take_records(body, fixed->n_files * sizeof *out->files);
    if (!out->files || !(out->mount_paths = body_strings(body, 2 * n_mounts)) ||
        !(out->guard_paths = body_strings(body, n_guards)))
        return init_reason(reason, "the mount plan came incomplete");
    *plan = (struct setup_plan){.mounts = calloc(n_mounts + 1, sizeof *plan->mounts),
                                .guards = calloc(n_guards + 1, sizeof *plan->guards),
                                .n_mounts = n_mounts, .n_guards = n_guards};
    if (!plan->mounts || !plan->guards)
        return init_reason(reason, "no memory for the mount plan");
    for (size_t i = 0; i < n_mounts; i++)
        plan->mounts[i] =
            (struct setup_mount){mounts[i].kind, mounts[i].device, mounts[i].inode,
                                 out->mount_paths[2 * i], out->mount_paths[2 * i + 1]};
    for (size_t i = 0; i < n_guards; i++)
        plan->guards[i] = (struct setup_guard){guards[i].kind, guards[i].pattern, guards[i].device,
                                               guards[i].inode, out->guard_paths[i]};
    return 0;
}

static int read_files(struct body *body, struct setup *out, char *reason)
{
    size_t n = out->fixed.n_files;
    struct setup_plan *plan = &out->plan;
    out->file_paths = body_strings(body, n);
    plan->files = calloc(n + 1, sizeof *plan->files);
    for (; out->file_paths && plan->files && plan->n_files < n; plan->n_files++) {
        size_t i = plan->n_files;
        size_t size = out->files[i].size;
        const char *bytes = size < body->len ? take_records(body, size) : NULL;
        if (!bytes)
            break;
        plan->files[i] = (struct setup_file){out->file_paths[i], bytes, size,
                                             out->files[i].mode & 0777};
    }
    return out->file_paths && plan->n_files == n ? 0
        : init_reason(reason, "the sandbox's own files came incomplete");
}

static int read_setup(struct body *body, struct setup *out, char *reason)
{
    struct setup_body *fixed = &out->fixed;
    memcpy(fixed, body->bytes, sizeof *fixed);
    if (read_plan(body, fixed, out, reason) != 0)
        return -1;
    out->paths = (struct landlock_paths){
        .read_only = body_strings(body, fixed->n_read_only), .n_read_only = fixed->n_read_only,
        .read_write = body_strings(body, fixed->n_read_write), .n_read_write = fixed->n_read_write,
        .strict = fixed->flags & SETUP_STRICT,
    };
    return out->paths.read_only && out->paths.read_write
               ? read_files(body, out, reason)
               : init_reason(reason, "the set-up came incomplete");
}

static void free_setup(struct setup *setup)
{
    free(setup->plan.mounts);
    free(setup->plan.guards);
    free(setup->plan.files);
    free(setup->mount_paths);
    free(setup->guard_paths);
    free(setup->file_paths);
    free(setup->paths.read_only);
    free(setup->paths.read_write);
}

/* fds: with a network those of enum network_fd, else none. */
static int build(struct init *init, const struct setup *setup, int fds[NETWORK_FDS], char *reason)
{
    const struct setup_body *fixed = &setup->fixed;
    init->uid = fixed->uid;
    init->gid = fixed->gid;
    /* The session keyring came from whoever started the supervisor. */
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (init_mounts(&setup->plan, fixed->uid, fixed->gid, reason) != 0 ||
        init_make_userns(fixed->uid, fixed->gid, &init->userns, reason) != 0 ||
        init_filter(&init->filter, reason) != 0 ||
        init_landlock(&setup->paths, &init->ruleset, warn, init, reason) != 0)
        return -1;
    init->files_max = init_files_max();
    if (init_limit_terminals(reason) != 0)
        return -1;
    if ((fixed->flags & SETUP_NETWORK) &&
        (init_network(fds, reason) != 0 ||
         init_watch_connects(&fds[NETWORK_CONNECTS], reason) != 0))
        return -1;
    return init_drop_capabilities() == 0 ? 0 : init_reason(reason, "cannot drop capabilities: %m");
}

static int report_setup(const struct init *init, int rc, const int fds[NETWORK_FDS],
                        const char *reason)
{
    struct init_message ready = {.version = WIRE_VERSION, .type = INIT_READY};
    if (rc != 0)
        init_send(init, INIT_FAILED, 0, 0, reason);
    else
        rc = init_tell(init, &ready, fds, fds[0] >= 0 ? NETWORK_FDS : 0);
    for (int i = 0; i < NETWORK_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return rc;
}

int init_setup(struct init *init, int body_fd)
{
    char reason[WIRE_TEXT_SIZE] = "";
    struct setup setup = {0};
    struct body body;
    int fds[NETWORK_FDS];
    memset(fds, -1, sizeof fds);
    int rc = body_open(body_fd, sizeof setup.fixed, &body, reason);
    if (rc == 0)
        rc = read_setup(&body, &setup, reason);
    if (rc == 0)
        rc = build(init, &setup, fds, reason);
    free_setup(&setup);
    body_close(&body);
    return report_setup(init, rc, fds, reason);
}
