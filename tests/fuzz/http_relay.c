/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the relay of an inspected tunnel: what the client says, then what the origin says, and so
 * on by turns, over streams in memory.  The first byte says in how big steps both come, with 0x40
 * that the origin is a server of MCP, and with 0x80 that the client uses the proxy as one.  A byte
 * of 0xff separates the turns, 0xfe ends what its side says, 0xfd changes the policy back and forth
 * behind its turn, and 0xfc lets the time be over.
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
    "      - host: origin.test\n"
    "        port: 80\n"
    "        path: /messages\n"
    "        protocol: websocket\n"
    "        websocket_credential_rewrite: true\n"
    "        enforcement: enforce\n"
    "        rules:\n"
    "          - allow: {method: GET, path: /messages}\n"
    "          - allow: {method: WEBSOCKET_TEXT, path: /messages}\n"
    "    binaries: [{path: /bin/curl}]\n";

static const char mcp_text[] =
    "version: 1\n"
    "network_policies:\n"
    "  one:\n"
    "    endpoints:\n"
    "      - host: origin.test\n"
    "        port: 80\n"
    "        protocol: mcp\n"
    "        enforcement: enforce\n"
    "        rules:\n"
    "          - allow: {method: initialize}\n"
    "          - allow: {method: tools/list}\n"
    "          - allow: {method: tools/call, tool: read}\n"
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

/* What one side says in its turn. */
static void say(struct memory_scene *scene, struct far_end *end, const uint8_t *bytes, size_t len,
                size_t step)
{
    const uint8_t *last = memchr(bytes, 0xfe, len);
    memory_feed(scene, end, bytes, last ? (size_t)(last - bytes) : len, step);
    if (!last || !end->stream)
        return;
    net_finish(end->stream);
    memory_run(scene);
}

static void happen(struct memory_scene *scene, struct policy *const policies[2], unsigned *changes,
                   const uint8_t *bytes, size_t len)
{
    if (memchr(bytes, 0xfd, len))
        egress_set_policy(&scene->proxy, policies[++*changes % 2]);
    if (memchr(bytes, 0xfc, len) && scene->client && scene->client->state->timed_out)
        scene->client->state->timed_out(scene->client);
    memory_run(scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_scene scene;
    if (size < 2)
        return 0;
    bool mcp = data[0] & 0x40;
    size_t step = data[0] % 64 ? data[0] % 64 : size;
    const uint8_t *end = data + size, *next;
    struct policy *policies[2] = {memory_policy(mcp ? mcp_text : policy_text),
                                  memory_policy("version: 1\n")};
    bool origin = false, switched = false;
    unsigned changes = 0;
    memory_begin(&scene, policies[0]);
    if (!(data[0] & 0x80))
        memory_open_tunnel(&scene);
    for (const uint8_t *at = data + 1; at < end; at = next + 1, origin = !origin) {
        next = memchr(at, 0xff, (size_t)(end - at));
        next = next ? next : end;
        say(&scene, origin ? &scene.origin : &scene.user, at, (size_t)(next - at), step);
        happen(&scene, policies, &changes, at, (size_t)(next - at));
        switched |= scene.client && scene.client->exchange.switched;
    }
    if (!mcp)
        check_origin(&scene, switched);
    memory_finish(&scene);
    policy_unref(policies[0]);
    policy_unref(policies[1]);
    return 0;
}
