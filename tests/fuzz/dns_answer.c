/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of DNS responses.  The first byte says which type was asked for.
 * Oracles: an answer that is accepted has addresses of that type's family, as many as there may be,
 * and every part of it that is cut short has no other ones. */
#include "egress/destination/answer.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static int read_part(const uint8_t *data, size_t size, int type, struct egress_answer *out)
{
    uint8_t *part = malloc(size + 1);               /* so that a read past its end is seen */
    uint8_t *start = part + 1;
    memcpy(start, data, size);
    int status = egress_answer_read(start, size, "good.test", type, out);
    free(part);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egress_answer whole, part;
    if (size < 1)
        return 0;
    int type = data[0] & 1 ? EGRESS_TYPE_A : EGRESS_TYPE_AAAA;
    int status = read_part(data + 1, size - 1, type, &whole);
    if (whole.n > EGRESS_ANSWER_MAX || (status == ARES_SUCCESS) != (whole.n > 0))
        wrong("status and addresses do not agree");
    for (size_t i = 0; i < whole.n; i++)
        if (whole.addresses[i].family != (type == EGRESS_TYPE_A ? AF_INET : AF_INET6))
            wrong("an address of another family");
    for (size_t len = 0; len < size - 1 && size < 600; len += 7) {
        read_part(data + 1, len, type, &part);
        if (part.n > whole.n && status == ARES_SUCCESS)
            wrong("a part has more addresses than the whole");
    }
    return 0;
}
