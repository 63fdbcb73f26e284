/* SPDX-License-Identifier: Apache-2.0 */
/* Ambiguous requests: what the origin understands, counted, is what was decided and answered. */
#define CORPUS "tests/fixtures/egress/requests.txt"

#include "support/rig.h"
#include "support/http_corpus.h"

#include <ctype.h>

/* The length of the one strict request at the beginning of text, 0 while it is not complete.  A
 * reader of its own, so that the proxy's mistakes are not repeated here. */
static size_t request_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "\r\nContent-Length: ");
    const char *chunked = strstr(text, "\r\nTransfer-Encoding: chunked\r\n");
    if (!end)
        return 0;
    end += 4;
    assert_false(length && length < end && chunked && chunked < end);
    if (length && length < end)
        return strlen(end) >= strtoul(length + 18, NULL, 10)
                   ? (size_t)(end - text) + strtoul(length + 18, NULL, 10) : 0;
    while (chunked && chunked < end) {
        char *digits_end;
        unsigned long size = strtoul(end, &digits_end, 16);
        if (!isxdigit((unsigned char)*end) || strncmp(digits_end, "\r\n", 2) != 0 ||
            strlen(digits_end) < size + 4 || strncmp(digits_end + 2 + size, "\r\n", 2) != 0)
            return 0;
        end = digits_end + 2 + size + 2;
        chunked = size ? chunked : NULL;
    }
    return (size_t)(end - text);
}

/* Answers each request that is complete, on every connection to the origin; how many there were. */
static unsigned serve(struct rig *rig, size_t first, unsigned answered[RIG_ENDS])
{
    unsigned n = 0;
    for (size_t i = first; i < rig->n_ends; i++) {
        struct end *end = &rig->ends[i];
        unsigned asked = 0;
        size_t length;
        for (const char *at = buf_str(&end->in); (length = request_length(at)); at += length)
            asked++;
        for (; answered[i] < asked; answered[i]++)
            end_send(end, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        n += asked;
    }
    return n;
}

static void statuses_of(const char *text, struct buf *out)
{
    for (; (text = strstr(text, "HTTP/1.1 ")); text++)
        if (isdigit((unsigned char)text[9]))
            buf_printf(out, "%s%.3s", out->len ? " " : "", text + 9);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static void with_origin(const struct rig *rig, const struct corpus_case *c, struct buf *out)
{
    const char *at = c->bytes.data, *end = at + c->bytes.len, *mark;
    while ((mark = memmem(at, (size_t)(end - at), "http://o/", 9))) {
        buf_add(out, at, (size_t)(mark - at));
        buf_printf(out, "http://origin.test:%u/", rig->origin_port);
        at = mark + 9;
    }
    buf_add(out, at, (size_t)(end - at));
}

static void one_case(const struct corpus_case *c, void *ctx)
{
    struct rig *rig = ctx;
    struct buf bytes = {0}, statuses = {0};
    unsigned answered[RIG_ENDS] = {0};
    unsigned understood = 0;
    buf_clear(&rig->lines);
    struct puppet puppet = rig_puppet(rig, rig->client);
    struct end *client = rig_end(rig, puppet.socket);
    size_t first = rig->n_ends;
    with_origin(rig, c, &bytes);
    end_send_bytes(client, bytes.data, bytes.len);
    shutdown(client->fd, SHUT_WR);
    UNTIL(rig, (understood = serve(rig, first, answered), client->eof));
    statuses_of(buf_str(&client->in), &statuses);
    if (strcmp(buf_str(&statuses), c->expect) != 0)
        fail_msg("%s: expected %s, got: %s", c->name, c->expect, buf_str(&client->in));
    assert_int_equal(understood, count(buf_str(&statuses), "200"));
    assert_true(understood <= count(buf_str(&rig->lines), "ALLOWED"));
    assert_true(rig->n_ends - first <= count(buf_str(&rig->lines), "ALLOWED"));
    puppet_end(&puppet);
    for (size_t i = first - 1; i < rig->n_ends; i++) {
        close(rig->ends[i].fd);
        buf_free(&rig->ends[i].in);
    }
    rig->n_ends = first - 1;
    buf_free(&bytes);
    buf_free(&statuses);
}

static void what_is_decided_is_what_the_origin_gets(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    assert_true(corpus_each(one_case, &rig) > 80);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(what_is_decided_is_what_the_origin_gets),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
