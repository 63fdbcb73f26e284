/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tunnel/hello.h"

#include <stdbool.h>
#include <string.h>

enum { CHANGE_CIPHER = 20, ALERT = 21, HANDSHAKE = 22, HEARTBEAT = 24, ALERT_SIZE = 2 };
enum {
    CLIENT_HELLO = 1,
    MESSAGE_HEAD = 4,
    VERSION_SIZE = 2,
    RANDOM_SIZE = 32,
    SERVER_NAME = 0,
    HOST_NAME = 0,
    PROTOCOLS = 16
};

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
    if (!take_block(&body, 2, &list) || body.len || !take_number(&list, 1, &type) ||
        !take_block(&list, 2, &name))
        return "its server name is cut off";
    if (type != HOST_NAME || list.len)
        return "it asks for more than one server name";
    if (ipaddr_canonical_host((const char *)name.at, name.len, hello->name) != 0)
        return "its server name is no DNS name";
    return NULL;
}

/* RFC 7301, 3.1.  What is wrong with it is told by TLS itself. */
static void read_protocols(struct egress_hello *hello, struct span body)
{
    struct span list, name;
    if (!take_block(&body, 2, &list))
        return;
    while (take_block(&list, 1, &name))
        hello->offers_http2 |= name.len == 2 && memcmp(name.at, "h2", 2) == 0;
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
        if (type == PROTOCOLS)
            read_protocols(hello, body);
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

/* A version is nothing to go by, as servers take any.  Some pass over an alert that comes before a
 * hello, or over a record that is empty. */
static enum egress_hello_state look_at_head(struct egress_hello *hello)
{
    uint8_t type = hello->head[0];
    bool begun = hello->message.len > 0, second = hello->stage == HELLO_SECOND;
    if (!begun && (type < CHANGE_CIPHER || type > HEARTBEAT))
        return HELLO_NONE;
    if (hello->n_head < EGRESS_RECORD_HEAD)
        return HELLO_MORE;
    hello->n_head = 0;
    hello->left = (size_t)hello->head[3] << 8 | hello->head[4];
    if (type == HANDSHAKE)
        return hello->left ? HELLO_MORE : bad(hello, "it has an empty record");
    if (begun)
        return bad(hello, "another record comes within it");
    if (second)
        return HELLO_MORE;
    return hello->left <= ALERT_SIZE ? bad(hello, "another record comes before it") : HELLO_NONE;
}

/* How much of the message there is to be read before more can be said of it. */
static size_t lacking(const struct egress_hello *hello)
{
    size_t len;
    if (hello->message.len < MESSAGE_HEAD)
        return MESSAGE_HEAD - hello->message.len;
    struct span length = {(const uint8_t *)hello->message.data + 1, MESSAGE_HEAD - 1};
    take_number(&length, MESSAGE_HEAD - 1, &len);
    return MESSAGE_HEAD + len - hello->message.len;
}

static size_t take_body(struct egress_hello *hello, const char *bytes, size_t len)
{
    bool handshake = hello->head[0] == HANDSHAKE;
    size_t most = handshake && lacking(hello) < hello->left ? lacking(hello) : hello->left;
    size_t n = len < most ? len : most;
    if (handshake)
        buf_add(&hello->message, bytes, n);
    hello->left -= n;
    return n;
}

enum egress_hello_state egress_hello_read(struct egress_hello *hello, const char *bytes, size_t len)
{
    enum egress_hello_state state = HELLO_MORE;
    hello->used = 0;
    for (size_t n; len && state == HELLO_MORE; bytes += n, len -= n, hello->used += n) {
        if (hello->left) {
            n = take_body(hello, bytes, len);
            state = look_at_message(hello);
        } else {
            n = 1;
            hello->head[hello->n_head++] = (uint8_t)*bytes;
            state = look_at_head(hello);
        }
    }
    bool waits = hello->message.len > 0 || hello->stage == HELLO_FIRST;
    if (state == HELLO_READ) {
        buf_clear(&hello->message);
        hello->stage = HELLO_ANSWER;
    }
    return state == HELLO_MORE && !waits ? HELLO_BEFORE : state;
}

/* A warning may come before the answer. */
enum egress_hello_state egress_hello_read_answer(struct egress_hello *hello, const char *bytes,
                                                 size_t len)
{
    static const uint8_t retry[RANDOM_SIZE] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                               0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                               0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                               0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    enum { RANDOM_AT = EGRESS_RECORD_HEAD + MESSAGE_HEAD + VERSION_SIZE };
    struct buf *said = &hello->message;
    buf_add(said, bytes, len);
    while (said->len >= EGRESS_RECORD_HEAD + ALERT_SIZE && *said->data == ALERT)
        buf_consume(said, EGRESS_RECORD_HEAD + ALERT_SIZE);
    if (said->len && *said->data != HANDSHAKE && *said->data != ALERT)
        return HELLO_NONE;
    if (said->len < RANDOM_AT + RANDOM_SIZE)
        return HELLO_MORE;
    if (memcmp(said->data + RANDOM_AT, retry, RANDOM_SIZE) != 0)
        return HELLO_NONE;
    buf_clear(said);
    *hello->name = '\0';
    hello->stage = HELLO_SECOND;
    return HELLO_READ;
}

void egress_hello_free(struct egress_hello *hello)
{
    buf_free(&hello->message);
}
