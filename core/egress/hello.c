/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/hello.h"

#include <stdbool.h>
#include <string.h>

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, MESSAGE_HEAD = 4, RANDOM_SIZE = 32, SERVER_NAME = 0, HOST_NAME = 0 };

/* ---- the message ---- */

struct span {
    const uint8_t *at;
    size_t len;
};

/* False: it is shorter than it says. */
static bool take_number(struct span *from, size_t bytes, size_t *out)
{
    if (from->len < bytes)
        return false;
    *out = 0;
    for (size_t i = 0; i < bytes; i++)
        *out = *out << 8 | from->at[i];
    from->at += bytes;
    from->len -= bytes;
    return true;
}

static bool take(struct span *from, size_t len, struct span *out)
{
    if (from->len < len)
        return false;
    *out = (struct span){from->at, len};
    from->at += len;
    from->len -= len;
    return true;
}

/* What has its length before it, as a number of so many bytes. */
static bool take_block(struct span *from, size_t bytes, struct span *out)
{
    size_t len;
    return take_number(from, bytes, &len) && take(from, len, out);
}

static const char *read_name(struct egress_hello *hello, struct span body)
{
    struct span list, name;
    size_t type;
    if (*hello->name)
        return "it asks for two servers";
    if (!take_block(&body, 2, &list) || body.len || !take_number(&list, 1, &type) || !take_block(&list, 2, &name))
        return "its server name is cut off";
    if (type != HOST_NAME || list.len)
        return "it asks for more than one server name";
    if (ipaddr_canonical_host((const char *)name.at, name.len, hello->name) != 0)
        return "its server name is no DNS name";
    return NULL;
}

static const char *read_extensions(struct egress_hello *hello, struct span list)
{
    const char *problem = NULL;
    struct span body;
    size_t type;
    while (list.len && !problem) {
        if (!take_number(&list, 2, &type) || !take_block(&list, 2, &body))
            return "its extensions are cut off";
        if (type == SERVER_NAME)
            problem = read_name(hello, body);
    }
    return problem;
}

static const char *read_message(struct egress_hello *hello, struct span message)
{
    struct span skipped, extensions = {0};
    size_t version;
    if (!take_number(&message, 2, &version) || !take(&message, RANDOM_SIZE, &skipped) ||
        !take_block(&message, 1, &skipped) ||          /* session */
        !take_block(&message, 2, &skipped) ||          /* cipher suites */
        !take_block(&message, 1, &skipped))            /* compressions */
        return "it is cut off";
    if (message.len && (!take_block(&message, 2, &extensions) || message.len))
        return "its extensions are cut off";
    return read_extensions(hello, extensions);
}

/* ---- the records that it comes in ---- */

static enum egress_hello_state bad(struct egress_hello *hello, const char *problem)
{
    hello->problem = problem;
    return HELLO_BAD;
}

static enum egress_hello_state look_at_message(struct egress_hello *hello)
{
    struct span message = {(const uint8_t *)hello->message.data, hello->message.len}, body;
    size_t type, len;
    if (!take_number(&message, 1, &type))
        return HELLO_MORE;
    if (type != CLIENT_HELLO)
        return bad(hello, "it is another message");
    if (!take_number(&message, 3, &len))
        return HELLO_MORE;
    if (len > EGRESS_HELLO_MAX)
        return bad(hello, "it is longer than 32 KiB");
    if (!take(&message, len, &body))
        return HELLO_MORE;
    const char *problem = read_message(hello, body);
    return problem ? bad(hello, problem) : HELLO_READ;
}

static enum egress_hello_state look_at_head(struct egress_hello *hello)
{
    bool first = hello->message.len == 0;
    if (hello->head[0] != HANDSHAKE || (hello->n_head > 1 && hello->head[1] != 3))
        return first ? HELLO_NONE : bad(hello, "another record comes within it");
    if (hello->n_head < EGRESS_RECORD_HEAD)
        return HELLO_MORE;
    hello->left = (size_t)hello->head[3] << 8 | hello->head[4];
    return hello->left ? HELLO_MORE : bad(hello, "it has an empty record");
}

enum egress_hello_state egress_hello_read(struct egress_hello *hello, const char *bytes, size_t len)
{
    enum egress_hello_state state = HELLO_MORE;
    while (len && state == HELLO_MORE) {
        size_t n = 1;
        if (hello->left) {
            n = len < hello->left ? len : hello->left;
            buf_add(&hello->message, bytes, n);
            hello->left -= n;
            hello->n_head = 0;
            state = look_at_message(hello);
        } else {
            hello->head[hello->n_head++] = (uint8_t)*bytes;
            state = look_at_head(hello);
        }
        bytes += n;
        len -= n;
    }
    return state;
}

void egress_hello_free(struct egress_hello *hello)
{
    buf_free(&hello->message);
}
