/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of TLS client hellos.  The first byte says in how big steps the rest comes, and
 * whether it comes after a server's wish for another hello.
 * Oracles: all at once and in steps it is understood as the same, and a name that is told is
 * canonical. */
#include "egress/tunnel/hello.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egress_hello whole, stepped;
    char again[IPADDR_HOST_SIZE];
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    bool second = data[0] & 0x80;
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
