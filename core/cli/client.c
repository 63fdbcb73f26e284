/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the gateway, by libcurl. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/endpoint.h"

char *url_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0), *copy = alloc_str(escaped ? escaped : "");
    curl_free(escaped);
    return copy;
}

/* Keeps bytes of an answer.  0: it has more than ANSWER_MAX, which ends the transfer. */
static size_t keep_bytes(struct buf *answer, const char *bytes, size_t n)
{
    if (n > ANSWER_MAX - answer->len)
        return 0;
    buf_add(answer, bytes, n);
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    return keep_bytes(ctx, bytes, size * n);
}

static struct curl_slist *make_headers(const struct cli *cli, const struct call *call)
{
    struct curl_slist *list = NULL;
    char line[512];
    snprintf(line, sizeof line, "Accept: %s", call->accept ? call->accept : "application/json");
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Expect:");
    if (call->type) {
        snprintf(line, sizeof line, "Content-Type: %s", call->type);
        list = curl_slist_append(list, line);
    }
    if (cli->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", cli->token);
        list = curl_slist_append(list, line);
    }
    for (size_t i = 0; i < 6 && call->headers[i]; i++)
        list = curl_slist_append(list, call->headers[i]);
    return list;
}

static CURL *make_curl(const struct cli *cli, const struct call *call, const char *path,
                       struct curl_slist *headers)
{
    CURL *curl = endpoint_curl(cli, path);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (call->type) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->len);
    } else if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
    }
    return curl;
}

struct wait {
    const struct call *call;
    int signal;                                     /* the first that came; 0: none */
};

/* A signal that is blocked until the answer is there is told of; a second one ends the transfer. */
static int on_wait(void *ctx, curl_off_t all, curl_off_t now, curl_off_t all_up, curl_off_t now_up)
{
    struct wait *w = ctx;
    const struct timespec no_time = {0, 0};
    (void)all, (void)now, (void)all_up, (void)now_up;
    int number = sigtimedwait(w->call->held, NULL, &no_time);
    if (number <= 0)
        return 0;
    if (w->signal)
        return 1;
    w->signal = number;
    complain("%s", w->call->interrupted);
    return 0;
}

/* Whoever made the call finds the signal as it came; after a second one the process ends by it. */
static void give_back_signal(const struct wait *wait, CURLcode code)
{
    if (!wait->signal)
        return;
    raise(wait->signal);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        sigprocmask(SIG_UNBLOCK, wait->call->held, NULL);
}

static bool changes_something(const struct call *call)
{
    return strcmp(call->method, "GET") != 0 && !strstr(call->path, "dry_run=true");
}

/* The request may have been carried out although its answer is missing. */
static void say_unanswered(const struct cli *cli, const struct call *call, CURL *curl,
                           CURLcode code, const char *detail)
{
    long sent = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        complain("interrupted again: the answer is not waited for");
    else if (code == CURLE_WRITE_ERROR)
        complain("the answer of the gateway at %s has more than %d MiB: it was not read to its end",
                 cli->gateway, ANSWER_MIB_MAX);
    else
        endpoint_failed(cli, curl, code, detail);
    if (sent && !cli->distrusts && changes_something(call))
        complain("whether the change was made is not known: look before you ask for it again");
}

void client_call(const struct cli *cli, const struct call *call, struct reply *out)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = make_headers(cli, call);
    CURL *curl = make_curl(cli, call, call->path, headers);
    struct wait wait = {.call = call};
    *out = (struct reply){0};
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_wait);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &wait);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, call->held ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out->text);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, call->timeout_s ? call->timeout_s : 120L);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    else
        say_unanswered(cli, call, curl, code, detail);
    give_back_signal(&wait, code);
    if (out->status)
        out->json = json_loadb(buf_str(&out->text), out->text.len, 0, NULL);
    sandbox_answered(cli, out->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(call->path);
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    buf_free(&reply->text);
}

/* Lines are those of the file that was sent, or that the gateway says it read; without one they are
 * of a request that nobody wrote. */
static void print_errors(const struct cli *cli, const json_t *problem, const char *detail)
{
    size_t i;
    json_t *e;
    const char *policy = arg_value(cli, "policy"), *sent = policy ? policy : arg_value(cli, "rule");
    const char *file = sent ? sent : json_string_value(json_object_get(problem, "file"));
    json_array_foreach(json_object_get(problem, "errors"), i, e) {
        long long line = json_number(e, "line");
        if (strcmp(json_text(e, "message"), detail) == 0 && !(file && line))
            continue;
        if (file && line)
            terminal_print(stderr, "  %s:%lld:%lld: ", file, line, json_number(e, "column"));
        else
            terminal_print(stderr, "  ");
        terminal_print(stderr, "%s%s%s\n", json_text(e, "path"), *json_text(e, "path") ? ": " : "",
                       json_text(e, "message"));
    }
}

int reply_failed(const struct cli *cli, const struct reply *reply)
{
    if (reply->status == 0)
        return EXIT_UNREACHABLE;
    if (!reply->json) {
        complain("the gateway answered %ld: %.400s", reply->status, buf_str(&reply->text));
        return EXIT_REFUSED;
    }
    if (cli->output != OUT_TABLE)
        print_json(cli, reply->json);
    const char *detail = json_text(reply->json, "detail");
    complain("%s", *detail ? detail : json_text(reply->json, "title"));
    print_errors(cli, reply->json, detail);
    print_objections(json_object_get(reply->json, "votes"));
    return EXIT_REFUSED;
}

int client_show(const struct cli *cli, char *path,
                void (*table)(const struct cli *cli, const json_t *json))
{
    struct reply reply;
    int code = EXIT_DONE;
    client_call(cli, &(struct call){.method = "GET", .path = path}, &reply);
    if (reply.status != 200 || !reply.json)
        code = reply_failed(cli, &reply);
    else if (cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else
        table(cli, reply.json);
    reply_free(&reply);
    return code;
}

/* ---- streams ---- */

struct follow {
    CURL *curl;
    struct buf in;
    size_t searched;                                /* of in, for the end of the line */
    bool too_long;
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

static long status_of(CURL *curl)
{
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Hands over lines as they arrive, and keeps a problem document whole.  Stops when nobody reads
 * stdout. */
static size_t on_stream(char *bytes, size_t size, size_t n, void *ctx)
{
    struct follow *f = ctx;
    char *end;
    f->too_long = keep_bytes(&f->in, bytes, size * n) != size * n;
    if (f->too_long)
        return 0;
    while (status_of(f->curl) == 200 && f->in.len &&
           (end = memchr(f->in.data + f->searched, '\n', f->in.len - f->searched))) {
        size_t len = (size_t)(end - f->in.data);
        *end = '\0';
        f->line(f->ctx, f->in.data);
        buf_consume(&f->in, len + 1);
        f->searched = 0;
    }
    f->searched = f->in.len;
    return ferror(stdout) ? 0 : size * n;
}

/* A stream may be silent for long, and the reader of stdout may end before the next line. */
static int on_progress(void *ctx, curl_off_t all, curl_off_t now, curl_off_t all_up,
                       curl_off_t now_up)
{
    (void)ctx, (void)all, (void)now, (void)all_up, (void)now_up;
    return print_unread();
}

static int stream_ended(const struct cli *cli, struct follow *f, CURLcode code, const char *detail)
{
    struct reply reply = {.status = status_of(f->curl)};
    if (f->too_long) {
        complain("the gateway at %s sent %s of more than %d MiB: what follows was not read",
                 cli->gateway, reply.status == 200 ? "a line" : "an answer", ANSWER_MIB_MAX);
        return EXIT_UNREACHABLE;
    }
    if (reply.status == 0)
        return endpoint_failed(cli, f->curl, code, detail);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return 128 + SIGPIPE;
    if (reply.status == 200 && code != CURLE_OK && !ferror(stdout)) {
        complain("the connection to the gateway broke: %s\nwhat happened since is not shown",
                 endpoint_reason(code, detail));
        return EXIT_UNREACHABLE;
    }
    if (reply.status == 200)
        return EXIT_DONE;
    reply.json = json_loadb(buf_str(&f->in), f->in.len, 0, NULL);
    buf_puts(&reply.text, buf_str(&f->in));
    int result = reply_failed(cli, &reply);
    reply_free(&reply);
    return result;
}

int client_follow(const struct cli *cli, const struct call *call,
                  void (*line)(void *ctx, const char *line), void *ctx)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = make_headers(cli, call);
    CURL *curl = make_curl(cli, call, call->path, headers);
    struct follow f = {.curl = curl, .line = line, .ctx = ctx};
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &f);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(curl);
    int result = stream_ended(cli, &f, code, detail);
    sandbox_answered(cli, status_of(curl));
    buf_free(&f.in);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(call->path);
    return result;
}

int client_pages(const struct cli *cli, const char *path, const char *list, json_t **out)
{
    struct reply reply;
    long long after = 0;
    int code = EXIT_DONE;
    *out = NULL;
    do {
        client_call(
            cli, &(struct call){.method = "GET", .path = alloc_printf("%s%lld", path, after)},
            &reply);
        code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
        after = code == EXIT_DONE ? json_number(reply.json, "next") : 0;
        if (code == EXIT_DONE && *out)
            json_array_extend(json_object_get(*out, list), json_object_get(reply.json, list));
        else if (code == EXIT_DONE)
            *out = json_incref(reply.json);
        reply_free(&reply);
    } while (after);
    if (*out)
        json_object_del(*out, "next");
    return code;
}
