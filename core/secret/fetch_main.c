/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-fetch: asks a token server, or sends records to a receiver, in a process of its own, so
 * that the gateway holds neither libcurl nor what a hostile server makes of it.
 *
 * Started by sluiced and sluice (secret/fetch.h).  stdin: a JSON object of "url", "fields" (lines
 * of the head) and "body" (of a POST; a GET has none), up to its end.  stdout: the status of the
 * answer and a line feed, then the answer's body.  Where there is none: "-", a space and why
 * not.
 *
 * sluice-fetch each: one such object after the other, with "bytes" in place of "body": a line feed
 * and so many bytes of the body follow it.  It may also have "ca" (a PEM file) and "timeout_ms".
 * Connections are kept between them.  stdout: for each a line with a JSON object
 * of "status", "retry_after" (seconds) and "body" (its beginning, as far as it is text), or of
 * "error". */
#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/buf.h"
#include "base/standard.h"
#include "base/text.h"
#include "secret/fetch.h"

enum { BODY_MAX = 256 * 1024 * 1024 };

static size_t take_bytes(char *bytes, size_t size, size_t n, void *ctx)
{
    struct buf *out = ctx;
    if (out->len + size * n > OAUTH_ANSWER_MAX)
        return 0;                                   /* ends the transfer */
    buf_add(out, bytes, size * n);
    return size * n;
}

static const char *text(const json_t *request, const char *name)
{
    const char *value = json_string_value(json_object_get(request, name));
    return value ? value : "";
}

static struct curl_slist *list_fields(const json_t *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(request, "fields"), i, line)
        list = curl_slist_append(list, json_string_value(line));
    return list;
}

static void set_limits(CURL *curl, const json_t *request)
{
    json_int_t timeout_ms = json_integer_value(json_object_get(request, "timeout_ms"));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms ? (long)timeout_ms : OAUTH_TIMEOUT_MS);
    if (*text(request, "ca")) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, text(request, "ca"));
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

/* body NULL: a GET. */
static CURLcode fetch(CURL *curl, const json_t *request, const char *body, size_t len,
                      long *status, struct buf *answer)
{
    struct curl_slist *fields = list_fields(request);
    curl_easy_reset(curl);                          /* connections stay */
    curl_easy_setopt(curl, CURLOPT_URL, text(request, "url"));
    set_limits(curl, request);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(fields);
    return code;
}

static void print_answer(CURLcode code, long status, const struct buf *answer)
{
    if (code == CURLE_WRITE_ERROR)
        printf("- the server's answer is longer than %d KiB", OAUTH_ANSWER_MAX / 1024);
    else if (code != CURLE_OK)
        printf("- the server cannot be asked: %s", curl_easy_strerror(code));
    else
        printf("%ld\n%s", status, buf_str(answer));
}

static int fetch_one(CURL *curl)
{
    struct buf answer = {0};
    long status = 0;
    json_t *request = json_loadf(stdin, 0, NULL);
    if (!request) {
        fputs("sluice-fetch is started by sluiced\n", stderr);
        return 2;
    }
    const json_t *body = json_object_get(request, "body");
    CURLcode code = fetch(curl, request, json_string_value(body), json_string_length(body),
                          &status, &answer);
    print_answer(code, status, &answer);
    json_decref(request);
    buf_wipe(&answer);
    return 0;
}

/* A long answer is cut: its status counts. */
static json_t *describe(CURL *curl, CURLcode code, long status, const struct buf *answer)
{
    curl_off_t after = 0;
    if (code != CURLE_OK && (code != CURLE_WRITE_ERROR || status == 0))
        return json_pack("{s:s}", "error", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    size_t len = text_utf8_valid(buf_str(answer), answer->len);
    return json_pack("{s:i, s:I, s:s%}", "status", (int)status, "retry_after", (json_int_t)after,
                     "body", buf_str(answer), len);
}

/* The body behind a request.  False: it does not come. */
static bool read_body(const json_t *request, struct buf *out)
{
    json_int_t n = json_integer_value(json_object_get(request, "bytes"));
    if (n < 0 || n > BODY_MAX || getchar() != '\n')
        return false;
    buf_reserve(out, (size_t)n);
    out->len = fread(out->data, 1, (size_t)n, stdin);
    out->data[out->len] = '\0';
    return out->len == (size_t)n;
}

static int fetch_each(CURL *curl)
{
    json_t *request;
    int rc = 0;
    while (rc == 0 && (request = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL))) {
        struct buf answer = {0}, body = {0};
        long status = 0;
        if (!read_body(request, &body))
            return 1;
        CURLcode code = fetch(curl, request, buf_str(&body), body.len, &status, &answer);
        json_t *said = describe(curl, code, status, &answer);
        rc = json_dumpf(said, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ||
             fflush(stdout) != 0;
        json_decref(said);
        json_decref(request);
        buf_wipe(&answer);
        buf_free(&body);
    }
    return rc;
}

int main(int argc, char **argv)
{
    standard_no_core_dumps();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    int code = argc == 2 && strcmp(argv[1], FETCH_EACH) == 0 ? fetch_each(curl) : fetch_one(curl);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return fflush(stdout) == 0 ? code : 1;
}
