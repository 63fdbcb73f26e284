/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of TLS client hellos.  The first byte says in how big steps the rest comes, and
 * whether it comes after a server's wish for another hello, or is a server's answer.
 * Oracles: all at once and in steps it is understood as the same, and a name that is told is
 * canonical. */
#include "egress/tunnel/hello.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static enum egress_hello_state read_in_steps(struct egress_hello *hello, bool second,
                                             const char *bytes, size_t len, size_t step)
{
    enum egress_hello_state state = HELLO_MORE;
    *hello = (struct egress_hello){.stage = second ? HELLO_SECOND : HELLO_FIRST};
    for (size_t at = 0; at < len && (state == HELLO_MORE || state == HELLO_BEFORE); at += step)
        state = egress_hello_read(hello, bytes + at, len - at < step ? len - at : step);
    egress_hello_free(hello);
    return state;
}

static enum egress_hello_state read_answer(const char *bytes, size_t len, size_t step)
{
    struct egress_hello hello = {.stage = HELLO_ANSWER};
    enum egress_hello_state state = HELLO_MORE;
    for (size_t at = 0; at < len && state == HELLO_MORE; at += step)
        state = egress_hello_read_answer(&hello, bytes + at, len - at < step ? len - at : step);
    if (state == HELLO_READ && hello.stage != HELLO_SECOND)
        wrong("no second hello is read");
    egress_hello_free(&hello);
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egress_hello whole, stepped;
    char again[IPADDR_HOST_SIZE];
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    bool second = data[0] & 0x80;
    if (data[0] & 0x40) {
        if (read_answer(bytes, size - 1, size) != read_answer(bytes, size - 1, data[0] % 32 + 1))
            wrong("what a server says depends on the steps");
        return 0;
    }
    enum egress_hello_state state = read_in_steps(&whole, second, bytes, size - 1, size);
    if (read_in_steps(&stepped, second, bytes, size - 1, data[0] % 32 + 1) != state ||
        strcmp(stepped.name, whole.name) != 0)
        wrong("it depends on the steps");
    if (state == HELLO_BAD && (!stepped.problem || strcmp(stepped.problem, whole.problem) != 0))
        wrong("why it is bad depends on the steps");
    if (state == HELLO_READ && *whole.name &&
        (ipaddr_canonical_host(whole.name, strlen(whole.name), again) != 0 ||
         strcmp(again, whole.name) != 0))
        wrong("the name is not canonical");
    return 0;
}
