/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of request targets.  The first byte chooses CONNECT's form or a URL.  Oracles:
 * what is accepted has a host of plain bytes, is canonical (reading its own text again gives the
 * same), and its bytes all come from the input. */
#include "egress/destination/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *input, const char *what)
{
    fprintf(stderr, "%s: %s\n", input, what);
    abort();
}

static void check_target(const char *input, const struct egress_target *target)
{
    struct egress_target again;
    struct egress_refusal refusal;
    if (!*target->host || target->host[strspn(target->host, "abcdefghijklmnopqrstuvwxyz0123456789"
                                                            ".-_:")])
        wrong(input, "the host has bytes that no host has");
    if (target->port == 0)
        wrong(input, "port 0");
    if (strchr(target->host, ':') && !target->literal)
        wrong(input, "a name with a colon");
    if (egress_target_authority(target->authority, &again, &refusal) != 0)
        wrong(target->authority, refusal.reason);
    if (strcmp(again.host, target->host) != 0 || again.port != target->port ||
        strcmp(again.authority, target->authority) != 0 || again.literal != target->literal)
        wrong(target->authority, "is not canonical");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[1024];
    struct egress_target target;
    struct egress_refusal refusal;
    const char *path = NULL;
    if (size < 2 || size > sizeof text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    int rc = data[0] & 1 ? egress_target_url(text, &target, &path, &refusal)
                         : egress_target_authority(text, &target, &refusal);
    if (rc == 0)
        check_target(text, &target);
    else if (!*refusal.reason)
        wrong(text, "refused without a reason");
    if (rc == 0 && path && (path < text || path > text + strlen(text)))
        wrong(text, "the path lies outside of the URL");
    return 0;
}
