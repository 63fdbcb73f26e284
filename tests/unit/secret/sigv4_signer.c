/* SPDX-License-Identifier: Apache-2.0 */
/* Signs the requests on stdin, a line each, with tabs between: "head" or "query", method, path,
 * query, region, service, time, key, secret, names of the fields, payload, then a name and a value
 * for each field.  Prints a line for each: the value of Authorization, or the query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret/sigv4.h"

enum { PARTS = 11, FIELDS = 40 };

static struct sigv4_text text_of(const char *text)
{
    return (struct sigv4_text){text, strlen(text)};
}

static void sign(char *line)
{
    const char *parts[PARTS + 2 * FIELDS];
    struct sigv4_field fields[FIELDS];
    struct buf out = {0};
    size_t n = 0;
    for (char *part; n < sizeof parts / sizeof *parts && (part = strsep(&line, "\t"));)
        parts[n++] = part;
    struct sigv4_request request = {.method = parts[1], .path = text_of(parts[2]),
                                    .query = parts[3], .fields = fields, .payload = parts[10]};
    const struct sigv4_claim claim = {.region = text_of(parts[4]), .service = text_of(parts[5]),
                                      .names = text_of(parts[9])};
    for (size_t i = PARTS; i + 1 < n; i += 2)
        fields[request.n++] = (struct sigv4_field){parts[i], parts[i + 1]};
    (strcmp(parts[0], "query") == 0 ? sigv4_sign_query : sigv4_sign)(&request, &claim, parts[6],
                                                                     parts[7], parts[8], &out);
    puts(buf_str(&out));
    buf_free(&out);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
        line[n - 1] = '\0';
        sign(line);
    }
    free(line);
    return 0;
}
