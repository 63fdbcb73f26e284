/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the relay of an inspected tunnel: what the client says, then what the origin says, over
 * streams in memory.  The first byte says in how big steps both come; a 0xff byte separates them.
 * Oracles: the origin gets only whole requests that a reader of its own understands, as many as
 * were allowed, and none that the policy denies. */
#include "../unit/support/memory_scene.h"

#include <ctype.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
    "version: 1\n"
    "network_policies:\n"
    "  one:\n"
    "    endpoints:\n"
    "      - host: origin.test\n"
    "        port: 80\n"
    "        protocol: rest\n"
    "        enforcement: enforce\n"
    "        rules: [{allow: {method: \"*\", path: /**}}]\n"
    "        deny_rules: [{method: \"*\", path: /secret}, {method: DELETE, path: /**}]\n"
    "    binaries: [{path: /bin/curl}]\n";

static void wrong(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%s\n", what, buf_str(text));
    abort();
}

/* ---- what the origin got ---- */

/* The length of the strict request at the beginning of text, 0 while it is not complete. */
static size_t request_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "\r\nContent-Length: ");
    const char *chunked = strstr(text, "\r\nTransfer-Encoding: chunked\r\n");
    if (!end)
        return 0;
    end += 4;
    if (length && length < end) {
        size_t n = strtoul(length + 18, NULL, 10);
        return strlen(end) >= n ? (size_t)(end - text) + n : 0;
    }
    while (chunked && chunked < end) {
        char *digits_end;
        size_t n = strtoul(end, &digits_end, 16);
        if (!isxdigit((unsigned char)*end) || strncmp(digits_end, "\r\n", 2) != 0 ||
            strlen(digits_end) < n + 4)
            return 0;
        end = digits_end + 2 + n + 2;
        chunked = n ? chunked : NULL;
    }
    return (size_t)(end - text);
}

static void check_request(const char *request, const struct buf *all)
{
    size_t method = strcspn(request, " ");
    const char *path = request + method + 1;
    size_t len = strcspn(path, " ?");
    if (strncmp(request, "DELETE ", 7) == 0 || (len == 7 && strncmp(path, "/secret", 7) == 0))
        wrong("a denied request has passed", all);
    if (*path != '/')
        wrong("this is no path", all);
}

static void check_origin(const struct memory_scene *scene, bool switched)
{
    const struct buf *all = &scene->origin.in;
    unsigned n = 0;
    size_t length;
    const char *at = buf_str(all), *end = at + all->len;
    if (memchr(at, '\0', all->len) || switched)
        return;                                     /* a body that the reader cannot read */
    for (; at < end && (length = request_length(at)); at += length, n++)
        check_request(at, all);
    if (at < end && strstr(at, "\r\n\r\n"))
        check_request(at, all);
    n += at < end;
    if (n > scene->allowed)
        wrong("the origin understands more requests than were allowed", all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_scene scene;
    if (size < 2)
        return 0;
    size_t step = data[0] % 64 ? data[0] % 64 : size;
    const uint8_t *middle = memchr(data + 1, 0xff, size - 1), *end = data + size;
    struct policy *policy = memory_policy(policy_text);
    memory_begin(&scene, policy);
    policy_unref(policy);
    memory_open_tunnel(&scene);
    memory_feed(&scene, &scene.user, data + 1, (size_t)((middle ? middle : end) - data - 1), step);
    if (middle)
        memory_feed(&scene, &scene.origin, middle + 1, (size_t)(end - middle - 1), step);
    check_origin(&scene, scene.client && scene.client->exchange.switched);
    memory_finish(&scene);
    return 0;
}
