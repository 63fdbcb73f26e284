/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy edit: the policy in the user's editor, until it is accepted or given up. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/new_file.h"
#include "cli/policy/change.h"

extern char **environ;

struct edit {
    struct cli *cli;
    const char *sandbox;
    long long revision;                             /* that the edit is made from */
    char *folder, *file;
    struct buf original, text;                      /* without the comments at the top */
    struct buf problems;                            /* of the text, as comments */
    size_t n_problems;
};

/* ---- the editor ---- */

static const char *editor_of(const struct cli *cli)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    if (visual && *visual)
        return visual;
    if (editor && *editor)
        return editor;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return "vi";
    usage_error(cli, "which editor? set VISUAL or EDITOR, or use policy get --full and policy set");
    return NULL;
}

/* The editor is a command with words of its own, such as "code --wait".  What its terminal sends is
 * for it alone.  Its wait status, or -1. */
static int run_editor(const char *editor, const char *file)
{
    int status = -1;
    pid_t pid;
    sigset_t back;
    posix_spawnattr_t attr;
    char *command = alloc_printf("%s \"$1\"", editor);
    char *argv[] = {"sh", "-c", command, "sh", (char *)(uintptr_t)file, NULL};
    sigemptyset(&back);
    sigaddset(&back, SIGPIPE);
    sigaddset(&back, SIGINT);
    sigaddset(&back, SIGQUIT);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &back);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    void (*interrupt)(int) = signal(SIGINT, SIG_IGN), (*quit)(int) = signal(SIGQUIT, SIG_IGN);
    if (posix_spawn(&pid, "/bin/sh", NULL, &attr, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    signal(SIGINT, interrupt);
    signal(SIGQUIT, quit);
    posix_spawnattr_destroy(&attr);
    free(command);
    return status;
}

/* ---- the file ---- */

enum { HEAD_LINES = 3 };

static bool write_file(struct edit *e)
{
    struct buf all = {0};
    buf_printf(&all,
               "# The policy of sandbox %s, revision %lld.  Lines at the top that begin with # are "
               "left out.\n# To give up, leave the rest as it is, or empty.\n#\n%s%s",
               e->sandbox, e->revision, buf_str(&e->problems), buf_str(&e->text));
    unlink(e->file);
    bool ok = new_file(AT_FDCWD, e->file, 0600, all.data, all.len);
    if (!ok)
        complain("cannot write %s: %s", e->file, strerror(errno));
    buf_free(&all);
    return ok;
}

static int read_file(struct edit *e)
{
    struct buf all = {0};
    int code = read_input(e->file, &all);
    const char *at = buf_str(&all);
    while (*at == '#')
        at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
    buf_clear(&e->text);
    buf_puts(&e->text, at);
    buf_free(&all);
    return code;
}

static bool same(const struct buf *a, const struct buf *b)
{
    return strcmp(buf_str(a), buf_str(b)) == 0;
}

static bool is_blank(const struct buf *text)
{
    return buf_str(text)[strspn(buf_str(text), " \t\r\n")] == '\0';
}

static void forget_file(const struct edit *e)
{
    unlink(e->file);
    rmdir(e->folder);
}

static int keep_file(const struct edit *e, int code)
{
    complain("your edit is kept in %s", e->file);
    return code;
}

/* ---- what became of it ---- */

/* Each problem as a comment line, its line number that of the file with these comments. */
static void note_problems(struct edit *e, const json_t *problem)
{
    size_t i, n = json_array_size(json_object_get(problem, "errors"));
    json_t *item;
    struct buf *out = &e->problems;
    buf_clear(out);
    e->n_problems = n ? n : 1;
    if (!n)
        buf_printf(out, "# error: %s\n", json_text(problem, "detail"));
    json_array_foreach(json_object_get(problem, "errors"), i, item) {
        const char *path = json_text(item, "path");
        long long line = json_number(item, "line");
        buf_puts(out, "# error: ");
        if (line)
            buf_printf(out, "line %lld: ", line + HEAD_LINES + 1 + (long long)n);
        buf_printf(out, "%s%s%s\n", path, *path ? ": " : "", json_text(item, "message"));
    }
    for (size_t j = 0; j < out->len; j++)
        if (out->data[j] == '\r')
            out->data[j] = ' ';
    buf_puts(out, "#\n");
}

static int say_conflict(const struct edit *e)
{
    complain("somebody changed the policy of sandbox %s after revision %lld: nothing was sent. "
             "What changed since:",
             e->sandbox, e->revision);
    policy_diff_revisions(e->cli, e->sandbox, (long)e->revision, 0);
    fflush(stdout);                                 /* before what stderr says next */
    return keep_file(e, EXIT_REFUSED);
}

/* -1: the text has problems, which are noted.  Else an exit code. */
static int send(struct edit *e)
{
    bool dry = arg_given(e->cli, "dry-run");
    struct reply reply;
    struct intent intent;
    struct call call = {.method = "PUT",
                        .type = policy_media_type(e->file, &e->text),
                        .body = buf_str(&e->text),
                        .len = e->text.len};
    int code = intent_read(e->cli, &call, &intent);
    if (code < 0) {
        size_t n = 0;
        while (call.headers[n])
            n++;
        char *match = alloc_printf("If-Match: \"%lld\"", e->revision);
        call.headers[n] = match;
        call.path = policy_path(e->sandbox, dry ? "/policy?dry_run=true" : "/policy");
        client_call(e->cli, &call, &reply);
        free(match);
        if (reply.status == 400 || reply.status == 422)
            note_problems(e, reply.json);
        else if (reply.status == 412)
            code = say_conflict(e);
        else
            code = update_finish(e->cli, e->sandbox, &reply);
        if (code > EXIT_DONE && reply.status != 412 && reply.status != 202)
            keep_file(e, code);
        else if (code >= EXIT_DONE && reply.status != 412)
            forget_file(e);
        reply_free(&reply);
    }
    intent_free(&intent);
    return code;
}

static int give_up(const struct edit *e)
{
    forget_file(e);
    say(e->cli, "Nothing was changed: nothing was sent.");
    return EXIT_DONE;
}

/* One visit to the editor.  -1: another one is needed. */
static int edit_once(struct edit *e, const char *editor)
{
    struct buf before = {0};
    bool again = e->n_problems > 0;
    int code = write_file(e) ? -1 : EXIT_REFUSED, status = 0;
    buf_puts(&before, buf_str(&e->text));
    if (code < 0 && (status = run_editor(editor, e->file)) != 0) {
        complain("the editor '%s' %s: nothing was sent", editor,
                 status < 0 ? "could not be run" : "failed");
        code = keep_file(e, EXIT_REFUSED);
    }
    if (code < 0)
        code = read_file(e);
    if (code < 0 && (is_blank(&e->text) || same(&e->text, &e->original)))
        code = give_up(e);
    else if (code < 0 && again && same(&e->text, &before)) {
        complain("the policy still has the problems that its comments tell: nothing was changed");
        code = keep_file(e, EXIT_REFUSED);
    } else if (code < 0) {
        code = send(e);
    }
    buf_free(&before);
    return code;
}

/* ---- the command ---- */

static int fetch(struct edit *e)
{
    struct reply reply;
    client_call(e->cli,
                &(struct call){.method = "GET", .path = policy_path(e->sandbox, "/policy")},
                &reply);
    int code = reply.status == 200 && reply.json ? -1 : reply_failed(e->cli, &reply);
    e->revision = json_number(reply.json, "revision");
    reply_free(&reply);
    if (code >= 0)
        return code;
    char *rest = alloc_printf("/policy?revision=%lld", e->revision);
    client_call(e->cli,
                &(struct call){.method = "GET",
                               .path = policy_path(e->sandbox, rest),
                               .accept = "application/yaml"},
                &reply);
    free(rest);
    code = reply.status == 200 ? -1 : reply_failed(e->cli, &reply);
    if (code < 0) {
        buf_puts(&e->original, buf_str(&reply.text));
        buf_puts(&e->text, buf_str(&reply.text));
    }
    reply_free(&reply);
    return code;
}

/* A folder that nobody else may enter, so that editors may put files of their own beside it. */
static int make_folder(struct edit *e)
{
    const char *tmp = getenv("TMPDIR");
    e->folder = alloc_printf("%s/sluice-edit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(e->folder)) {
        complain("cannot make %s: %s", e->folder, strerror(errno));
        return EXIT_REFUSED;
    }
    e->file = alloc_printf("%s/policy.yaml", e->folder);
    return -1;
}

int cmd_policy_edit(struct cli *cli)
{
    struct edit e = {.cli = cli};
    if (arg_given(cli, "wait") && arg_given(cli, "dry-run"))
        return usage_error(cli, "--wait cannot be combined with --dry-run");
    const char *editor = editor_of(cli);
    e.sandbox = editor ? sandbox_operand(cli, 0) : NULL;
    int code = e.sandbox ? fetch(&e) : EXIT_USAGE;
    if (code < 0)
        code = make_folder(&e);
    while (code < 0)
        code = edit_once(&e, editor);
    buf_free(&e.original);
    buf_free(&e.text);
    buf_free(&e.problems);
    free(e.folder);
    free(e.file);
    return code;
}
