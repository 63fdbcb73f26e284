/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-fetch: asks a token server, in a process of its own, so that the gateway holds neither
 * libcurl nor what a hostile server makes of it.
 *
 * Started by sluiced and sluice (secret/fetch.h).  stdin: a JSON object of "url", "fields" (lines
 * of the head) and "body" (of a POST; a GET has none), up to its end.  stdout: the status of the
 * answer and a line feed, then the answer's body.  Where there is none: "-", a space and why
 * not. */
#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/buf.h"
#include "base/standard.h"
#include "secret/oauth.h"

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

static CURLcode fetch(const json_t *request, long *status, struct buf *answer)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = list_fields(request);
    curl_easy_setopt(curl, CURLOPT_URL, text(request, "url"));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)OAUTH_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    if (json_object_get(request, "body"))
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text(request, "body"));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
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

int main(void)
{
    struct buf answer = {0};
    long status = 0;
    standard_no_core_dumps();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    json_t *request = json_loadf(stdin, 0, NULL);
    if (!request) {
        fputs("sluice-fetch is started by sluiced\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLcode code = fetch(request, &status, &answer);
    print_answer(code, status, &answer);
    json_decref(request);
    buf_wipe(&answer);
    curl_global_cleanup();
    return fflush(stdout) == 0 ? 0 : 1;
}
