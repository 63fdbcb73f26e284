/* SPDX-License-Identifier: Apache-2.0 */
/* Targets as clients send them, through the whole proxy: a policy that allows nothing makes it say
 * which canonical target it has judged. */
#include "support/rig.h"

#include <ctype.h>

#define TARGETS "tests/fixtures/egress/targets.txt"

/* The test itself asks: that nobody can tell who it is comes after the target. */
static struct end *ask(struct rig *rig, const char *method, const char *target, size_t len)
{
    struct buf request = {0};
    struct end *end = rig_end(rig, puppet_connect(rig->port));
    buf_printf(&request, "%s ", method);
    buf_add(&request, target, len);
    buf_puts(&request, " HTTP/1.1\r\nHost: h\r\n\r\n");
    end_send_bytes(end, request.data, request.len);
    buf_free(&request);
    UNTIL(rig, end->eof);
    return end;
}

static void forget(struct rig *rig, struct end *end)
{
    close(end->fd);
    buf_free(&end->in);
    rig->n_ends--;
    buf_clear(&rig->lines);
    buf_clear(&rig->denials);
}

static size_t unescape(const char *text, char *out)
{
    size_t len = 0;
    while (*text) {
        char hex[3] = {0};
        if (strncmp(text, "\\x", 2) == 0) {
            memcpy(hex, text + 2, 2);
            out[len++] = (char)strtol(hex, NULL, 16);
            text += 4;
        } else {
            out[len++] = *text++;
        }
    }
    return len;
}

static void expect_judged(struct rig *rig, const char *method, const char *target,
                          const struct end *end, const char *canonical)
{
    char detail[512];
    json_t *json = end_answer(end, 403);
    snprintf(detail, sizeof detail, "%s %s not permitted by policy", method, canonical);
    if (strcmp(json_string_value(json_object_get(json, "detail")), detail) != 0)
        fail_msg("%s: expected '%s' in %s", target, detail, end->in.data);
    assert_int_equal(rig->n_denials, 1);
    json_decref(json);
}

static void expect_malformed(struct rig *rig, const char *target, const struct end *end,
                             int status, const char *word)
{
    char start[32];
    snprintf(start, sizeof start, "HTTP/1.1 %d ", status);
    if (!end_has(end, start))
        fail_msg("%s: expected %d, got %s", target, status, buf_str(&end->in));
    json_t *json = end_answer(end, status);
    const char *error = json_string_value(json_object_get(json, "error"));
    if (strcmp(error, word) != 0)
        fail_msg("%s: expected %s, got %s", target, word, end->in.data);
    assert_true(*json_string_value(json_object_get(json, "reason")) != '\0');
    assert_int_equal(rig->n_denials, 0);
    json_decref(json);
}

static void one_target(struct rig *rig, const char *kind, const char *target, const char *expected,
                       const char *word)
{
    char bytes[512];
    const char *method = strcmp(kind, "connect") == 0 ? "CONNECT" : "GET";
    rig->n_denials = 0;
    struct end *end = ask(rig, method, bytes, unescape(target, bytes));
    if (*expected == '=')
        expect_judged(rig, method, target, end, expected + 1);
    else
        expect_malformed(rig, target, end, atoi(expected), word);
    forget(rig, end);
}

static void each_target_has_one_meaning(void **state)
{
    struct rig rig;
    char line[1024], kind[16], target[512], expected[256], word[64];
    unsigned cases = 0;
    (void)state;
    rig_start(&rig, "");
    FILE *file = fopen(TARGETS, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        int n = sscanf(line, "%15s %511s %255s %63s", kind, target, expected, word);
        if (n < 3 || *kind == '#')
            continue;
        one_target(&rig, kind, target, expected, n > 3 ? word : "");
        cases++;
    }
    fclose(file);
    assert_true(cases > 90);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static bool of_a_name(int byte)
{
    return byte && (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_", byte) ||
                    (byte >= 'A' && byte <= 'Z'));
}

/* Whatever is not refused is exactly what was sent, in lower case: judged, reported and logged. */
static void check_byte(struct rig *rig, const char *method, const char *format, int byte)
{
    char target[128], host[64], denial[128];
    size_t len = strlen(format), host_len = 0;
    const char *start = strstr(format, "://") ? strstr(format, "://") + 3 : format;
    memcpy(target, format, len + 1);
    *(char *)memchr(target, '?', len) = (char)byte;
    for (const char *at = start; *at != ':' && *at != '/'; at++)
        host[host_len++] = (char)tolower((unsigned char)target[at - format]);
    host_len -= host_len && host[host_len - 1] == '.';
    rig->n_denials = 0;
    struct end *end = ask(rig, method, target, len);
    if (rig->n_denials) {
        if (!of_a_name(byte))
            fail_msg("byte %d in %s: %s", byte, format, end->in.data);
        snprintf(denial, sizeof denial, "%.*s:443 ", (int)host_len, host);
        assert_non_null(strstr(rig->denials.data, denial));
        denial[strlen(denial) - 1] = '\0';
        assert_non_null(strstr(rig->lines.data, denial));
    } else {
        assert_true(end_has(end, "HTTP/1.1 400 "));
    }
    if (byte >= 'a' && byte <= 'z')
        assert_int_equal(rig->n_denials, 1);
    forget(rig, end);
}

static void each_byte_at_each_place_of_a_host(void **state)
{
    static const char *const places[] = {"?ab.test:443", "a?b.test:443", "ab.te?t:443",
                                         "ab.test?:443"};
    struct rig rig;
    (void)state;
    rig_start(&rig, "");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (int byte = 0; byte < 256; byte++)
            check_byte(&rig, "CONNECT", places[i], byte);
    for (int byte = 0; byte < 256; byte++)
        if (byte != '/' && byte != '?')             /* there the host ends */
            check_byte(&rig, "GET", "http://a?b.test:443/", byte);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_target_has_one_meaning),
        cmocka_unit_test(each_byte_at_each_place_of_a_host),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
