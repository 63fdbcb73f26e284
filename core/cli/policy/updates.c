/* SPDX-License-Identifier: Apache-2.0 */
/* What is common to commands that change a policy: the outcome, and waiting for it to be
 * enforced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"

enum { INPUT_MAX = 4 * 1024 * 1024, WAIT_STEP_MS = 20000, REASON_MAX = 1024 };

int read_input(const char *path, struct buf *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && out->len <= INPUT_MAX) {
        buf_reserve(out, 65536);
        n = read(fd, out->data + out->len, 65536);
        out->len += n > 0 ? (size_t)n : 0;
    }
    buf_reserve(out, 1);
    out->data[out->len] = '\0';
    if (n < 0)
        complain("cannot read %s: %s", path, strerror(errno));
    else if (out->len > INPUT_MAX)
        complain("%s has more than %d bytes", path, INPUT_MAX);
    if (fd >= 0 && !is_stdin)
        close(fd);
    return n < 0 || out->len > INPUT_MAX ? EXIT_USAGE : -1;
}

int reason_header(const struct cli *cli, char **out)
{
    const char *reason = arg_value(cli, "reason");
    *out = NULL;
    if (!reason && arg_given(cli, "override"))
        return usage_error(cli, "--override needs --reason TEXT: it is recorded");
    if (!reason)
        return -1;
    for (const char *c = reason; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return usage_error(cli, "--reason is one line of text");
    if (strlen(reason) > REASON_MAX || text_utf8_valid(reason, strlen(reason)) != strlen(reason))
        return usage_error(cli, "--reason is at most %d bytes of UTF-8", REASON_MAX);
    *out = alloc_printf("Sluice-Reason: %s", reason);
    return -1;
}

void print_objections(const json_t *votes)
{
    size_t i;
    json_t *v;
    json_array_foreach(votes, i, v) {
        const char *verdict = json_text(v, "verdict"), *path = json_text(v, "path");
        if (strcmp(verdict, "deny") != 0 && strcmp(verdict, "hold") != 0)
            continue;
        const char *level = json_text(v, "level");
        terminal_print(stderr, "  %s%s%s: %s: %s%s%s%s\n", json_text(v, "voter"),
                       *level && strcmp(level, "mandatory") ? ", " : "",
                       strcmp(level, "mandatory") ? level : "", json_text(v, "code"),
                       json_text(v, "message"), *path ? " (" : "", path, *path ? ")" : "");
    }
}

void print_update_warnings(const struct cli *cli, const json_t *warnings)
{
    size_t i;
    json_t *w;
    json_array_foreach(warnings, i, w)
        say(cli, "! %s%s%s", json_text(w, "path"), *json_text(w, "path") ? ": " : "",
            json_text(w, "message"));
}

static void print_names(const json_t *list, const char *sign, const char *key)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
        terminal_print(stdout, "%s %s\n", sign, json_text(item, key));
}

static void print_diff(const json_t *diff)
{
    print_names(json_object_get(diff, "added"), "+", "key");
    print_names(json_object_get(diff, "removed"), "-", "key");
    print_names(json_object_get(diff, "changed"), "~", "key");
    print_names(json_object_get(diff, "static"), "~", "path");
}

static void print_examples(const json_t *list, const char *indent)
{
    enum { SHOWN = 5 };
    size_t i;
    json_t *reach;
    json_array_foreach(list, i, reach) {
        if (i < SHOWN)
            terminal_print(stdout, "%s  %s\n", indent, json_text(reach, "example"));
    }
    if (json_array_size(list) > SHOWN)
        terminal_print(stdout, "%s  and %zu more\n", indent, json_array_size(list) - SHOWN);
}

void print_effect(const json_t *effect, const char *indent)
{
    if (!json_is_object(effect))
        return;
    terminal_print(stdout, "%sEffect: %s\n", indent, json_text(effect, "relation"));
    print_examples(json_object_get(effect, "gained"), indent);
    print_examples(json_object_get(effect, "lost"), indent);
}

static void print_update(const struct cli *cli, const char *sandbox, const json_t *d)
{
    const char *outcome = json_text(d, "outcome");
    bool changed = json_is_true(json_object_get(d, "changed"));
    print_update_warnings(cli, json_object_get(d, "warnings"));
    if (json_is_true(json_object_get(d, "dry_run"))) {
        terminal_print(stdout, "dry run: %s, %s\n", outcome, json_text(d, "summary"));
        print_diff(json_object_get(d, "diff"));
        if (changed)
            print_effect(json_object_get(d, "effect"), "");
        print_objections(json_object_get(d, "votes"));
    } else if (strcmp(outcome, "held") == 0) {
        const char *chunk =
            json_text(d, "draft"); /* none: many wait, and the summary says what to do */
        if (*chunk)
            complain("%s: chunk %s of sandbox %s waits for somebody else's approval",
                     json_text(d, "summary"), chunk, sandbox);
        else
            complain("%s", json_text(d, "summary"));
        print_objections(json_object_get(d, "votes"));
    } else if (strcmp(json_text(d, "status"), "superseded") == 0) {
        terminal_print(stdout, "⚠ Policy revision %lld was superseded (loaded revision: %lld)\n",
                       json_number(d, "revision"), json_number(d, "loaded_revision"));
    } else if (changed) {
        terminal_print(stdout, "✓ Policy revision %lld %s (hash: %.12s)\n",
                       json_number(d, "revision"),
                       strcmp(json_text(d, "status"), "loaded") == 0 ? "loaded" : "submitted",
                       json_text(d, "hash"));
    } else {
        terminal_print(stdout, "· Policy unchanged (revision %lld, hash: %.12s)\n",
                       json_number(d, "revision"), json_text(d, "hash"));
    }
}

/* ---- --wait ---- */

static int ask_revision(const struct cli *cli, const char *sandbox, long long revision,
                        long wait_ms, struct reply *out)
{
    char *name = url_escape(sandbox);
    client_call(cli,
                &(struct call){.method = "GET",
                               .timeout_s = wait_ms / 1000 + 30,
                               .path = alloc_printf("/v1/sandboxes/%s/revisions/%lld?wait_ms=%ld",
                                                    name, revision, wait_ms)},
                out);
    free(name);
    return out->status == 200 && out->json ? 0 : -1;
}

/* What became of the revision, as an exit code.  One that has a successor did not fail: the sandbox
 * enforces what was asked for later. */
static int judge(const char *status, const json_t *revision)
{
    if (strcmp(status, "loaded") == 0 || strcmp(status, "superseded") == 0)
        return EXIT_DONE;
    complain("revision %lld failed to load: %s", json_number(revision, "revision"),
             json_text(revision, "error"));
    return EXIT_REFUSED;
}

static int wait_loaded(const struct cli *cli, const char *sandbox, json_t *document, long timeout_s)
{
    long long revision = json_number(document, "revision");
    uint64_t deadline = clock_mono_ms() + (uint64_t)timeout_s * 1000;
    for (;;) {
        struct reply reply;
        uint64_t now = clock_mono_ms();
        long left = now < deadline ? (long)(deadline - now) : 0;
        if (ask_revision(cli, sandbox, revision, left < WAIT_STEP_MS ? left : WAIT_STEP_MS,
                         &reply) != 0) {
            int code = reply_failed(cli, &reply);
            complain("revision %lld was submitted; whether it is loaded is not known", revision);
            reply_free(&reply);
            return code;
        }
        const char *status = json_text(reply.json, "status");
        json_object_set_new(document, "status", json_string(status));
        json_object_set(document, "loaded_revision",
                        json_object_get(reply.json, "loaded_revision"));
        bool pending = strcmp(status, "pending") == 0;
        int code = pending ? EXIT_WAITED : judge(status, reply.json);
        reply_free(&reply);
        if (!pending)
            return code;
        if (clock_mono_ms() >= deadline) {
            complain("timeout: revision %lld is not loaded after %ld s", revision, timeout_s);
            return EXIT_WAITED;
        }
    }
}

static int finish_success(const struct cli *cli, const char *sandbox, json_t *document)
{
    long timeout;
    bool held = strcmp(json_text(document, "outcome"), "held") == 0;
    bool dry = json_is_true(json_object_get(document, "dry_run"));
    int code = EXIT_DONE;
    if (arg_seconds(cli, "timeout", 60, 0, 86400, &timeout) != 0)
        return EXIT_USAGE;
    if (arg_given(cli, "wait") && !held && !dry)
        code = wait_loaded(cli, sandbox, document, timeout);
    if (held || (dry && strcmp(json_text(document, "outcome"), "allowed") != 0))
        code = EXIT_REFUSED;
    if (cli->output != OUT_TABLE)
        print_json(cli, document);
    else if (code == EXIT_DONE || held || dry)
        print_update(cli, sandbox, document);
    return code;
}

int update_finish(const struct cli *cli, const char *sandbox, const struct reply *reply)
{
    if ((reply->status != 200 && reply->status != 202) || !reply->json)
        return reply_failed(cli, reply);
    return finish_success(cli, sandbox, reply->json);
}
