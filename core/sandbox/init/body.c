/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

int body_open(int fd, size_t fixed, struct body *out, char *reason)
{
    struct stat st;
    *out = (struct body){0};
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= (off_t)fixed || st.st_size > WIRE_BODY_MAX) {
        if (fd >= 0)
            close(fd);
        return init_reason(reason, "a message came without its body");
    }
    out->len = (size_t)st.st_size;
    out->bytes = mmap(NULL, out->len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (out->bytes == MAP_FAILED) {
        *out = (struct body){0};
        return init_reason(reason, "cannot read a message's body: %m");
    }
    out->next = out->bytes + fixed;
    if (out->bytes[out->len - 1] == '\0')
        return 0;
    body_close(out);
    return init_reason(reason, "a message's body does not end");
}

const char **body_strings(struct body *body, size_t n)
{
    const char *end = body->bytes + body->len;
    const char **strings = n <= WIRE_STRINGS_MAX ? calloc(n + 1, sizeof *strings) : NULL;
    for (size_t i = 0; strings && i < n; i++) {
        if (body->next >= end) {
            free(strings);
            return NULL;
        }
        strings[i] = body->next;
        body->next += strlen(body->next) + 1;
    }
    return strings;
}

void body_close(struct body *body)
{
    if (body->bytes)
        munmap(body->bytes, body->len);
    *body = (struct body){0};
}
