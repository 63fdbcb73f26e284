/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders in requests of a tunnel: replaced for the origin that they are bound to, refused
 * and told as a finding elsewhere, and never shown. */
#include "secret/credentials.h"
#include "support/inspected.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PLACEHOLDER(name) "openshell:resolve:env:s" DIGITS "_" name
#define BOUND REST("        access: full\n        credential_binding: {provider: p}\n")

static char large[8193];

static const struct secret_credential items[] = {
    {"p", "generic", "TOKEN", DIGITS, "value-1"},
    {"q", "generic", "AWAY", DIGITS, "elsewhere"},
    {"p", "generic", "LARGE", DIGITS, large},
};

struct sent {
    struct scene s;
    struct secret_credentials *all;
    struct end *client, *origin;
};

static void send_one(struct sent *t, const char *request)
{
    scene_open(&t->s, BOUND);
    t->all = secret_credentials_new(items, sizeof items / sizeof *items);
    egress_set_credentials(t->s.rig.proxy, t->all);
    t->client = ask_plain(&t->s, request, &t->origin);
}

static void close_sent(struct sent *t)
{
    scene_close(&t->s);
    secret_credentials_free(t->all);
}

static void the_origin_gets_values_and_the_log_shows_none(void **state)
{
    struct sent t;
    (void)state;
    send_one(&t, "GET /bot" PLACEHOLDER("TOKEN") "/x HTTP/1.1\r\n%HX-Key: " PLACEHOLDER("TOKEN")
                 "\r\n\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n"));
    assert_true(end_has(t.origin, "GET /botvalue-1/x HTTP/1.1\r\n"));
    assert_true(end_has(t.origin, "X-Key: value-1\r\n"));
    assert_non_null(strstr(t.s.rig.lines.data, "/bot[CREDENTIAL]/x [policy:one engine:l7]\n"));
    assert_null(strstr(t.s.rig.lines.data, DIGITS));
    assert_null(strstr(t.s.rig.lines.data, "value-1"));
    assert_int_equal(t.s.rig.n_denials, 0);
    close_sent(&t);
}

/* title, type: of the finding.  why: in the reason. */
static void refused(const char *request, const char *error, const char *title, const char *type,
                    const char *why)
{
    struct sent t;
    char line[256];
    send_one(&t, request);
    UNTIL(&t.s.rig, t.client->eof);
    json_t *json = end_answer(t.client, strcmp(error, "credential_unavailable") == 0 ? 500 : 403);
    assert_string_equal(json_string_value(json_object_get(json, "error")), error);
    assert_non_null(strstr(json_string_value(json_object_get(json, "reason")), why));
    json_decref(json);
    assert_int_equal(t.origin->in.len, 0);
    assert_non_null(strstr(t.s.rig.lines.data, "engine:credential-binding]"));
    assert_null(strstr(t.s.rig.lines.data, DIGITS));
    snprintf(line, sizeof line, "FINDING:BLOCKED [HIGH] \"%s\" %s(", title, t.s.rig.client);
    bool told = strstr(t.s.rig.lines.data, line) && strstr(t.s.rig.lines.data, type);
    if (told != (*title != '\0'))
        fail_msg("%s", t.s.rig.lines.data);
    assert_int_equal(t.s.rig.n_denials, *title != '\0');
    assert_int_equal(strncmp(buf_str(&t.s.rig.denials), "finding origin.test:", 20) == 0,
                     *title != '\0');
    close_sent(&t);
}

static void a_placeholder_sent_elsewhere_is_a_finding(void **state)
{
    (void)state;
    refused("GET / HTTP/1.1\r\n%HX-Key: " PLACEHOLDER("AWAY") "\r\n\r\n",
            "credential_endpoint_mismatch", "Credential Sent Elsewhere",
            " [type:openshell.provider_credential.endpoint_mismatch confidence:high] [reason:",
            ": it is sent to endpoints with credential_binding: {provider: q}");
    refused("GET / HTTP/1.1\r\n%HCookie: a=1; b=" PLACEHOLDER("TOKEN") "\r\n\r\n",
            "credential_placeholder_refused", "Credential Placeholder Misplaced",
            " [type:openshell.credentials.traffic_uninspectable confidence:high] [reason:",
            "where none is replaced");
    refused("POST /" PLACEHOLDER("TOKEN") " HTTP/1.1\r\n%HContent-Length: 93\r\n\r\n"
            PLACEHOLDER("TOKEN"),
            "credential_placeholder_refused", "Credential Placeholder Misplaced",
            " [type:openshell.credentials.traffic_uninspectable confidence:high] [reason:",
            "where none is replaced");
    refused("GET / HTTP/1.1\r\n%HX-Key: " PLACEHOLDER("NONE") "\r\n\r\n",
            "credential_unavailable", "", "FINDING", "stands for no credential of this sandbox");
}

/* They are left out, whatever they hold. */
static void trailers_carry_no_placeholder_away(void **state)
{
    struct sent t;
    (void)state;
    send_one(&t, "POST / HTTP/1.1\r\n%HTransfer-Encoding: chunked\r\nTrailer: X-Key\r\n\r\n"
                 "2\r\nok\r\n0\r\nX-Key: " PLACEHOLDER("TOKEN") "\r\nX-" PLACEHOLDER("TOKEN")
                 ": 1\r\n\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "0\r\n\r\n") || t.client->eof);
    assert_null(strstr(buf_str(&t.origin->in), "openshell"));
    assert_null(strstr(buf_str(&t.origin->in), "value-1"));
    close_sent(&t);
}

/* The finding about a request whose host is a placeholder, which tells no placeholder itself. */
static void expect_finding(const struct rig *rig)
{
    assert_non_null(strstr(rig->lines.data, "FINDING:BLOCKED [HIGH] \"Credential Placeholder "
                                            "Misplaced\" "));
    assert_non_null(strstr(rig->lines.data, "[reason:the host that the request asks for has a "
                                            "credential's placeholder where none is replaced]"));
    assert_null(strstr(rig->lines.data, DIGITS));
    assert_int_equal(rig->n_denials, 1);
    assert_int_equal(strncmp(buf_str((struct buf *)&rig->denials), "finding ", 8), 0);
    assert_null(strstr(rig->denials.data, DIGITS));
}

/* As a client of HTTP/2 would send it in :authority. */
static void a_placeholder_is_no_host(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: " PLACEHOLDER("TOKEN") "\r\n\r\n",
        "GET http://" PLACEHOLDER("TOKEN") "/ HTTP/1.1\r\n%H\r\n",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sent t;
        send_one(&t, requests[i]);
        UNTIL(&t.s.rig, t.client->eof);
        json_decref(end_answer(t.client, 403));
        assert_true(end_has(t.client, "request_authority_mismatch"));
        assert_non_null(
            strstr(t.s.rig.lines.data, "[reason:the request asks for [CREDENTIAL] in a "));
        expect_finding(&t.s.rig);
        assert_int_equal(t.origin->in.len, 0);
        close_sent(&t);
    }
}

static void a_placeholder_is_no_target_of_the_proxy(void **state)
{
    static const char *const requests[] = {
        "GET http://" PLACEHOLDER("TOKEN") "/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: " PLACEHOLDER("TOKEN") "\r\n\r\n",
        "CONNECT a HTTP/1.1\r\nHost: " PLACEHOLDER("TOKEN") "\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct scene s;
        scene_open(&s, BOUND);
        struct end *client = rig_end(&s.rig, s.puppet.socket);
        end_send(client, requests[i]);
        UNTIL(&s.rig, client->eof);
        json_decref(end_answer(client, 400));
        expect_finding(&s.rig);
        scene_close(&s);
    }
}

/* A few bytes of a program would be many of ours, and of the origin's. */
static void a_head_grows_within_bounds(void **state)
{
    struct buf request = {0};
    (void)state;
    memset(large, 'v', sizeof large - 1);
    buf_puts(&request, "GET / HTTP/1.1\r\n%H");
    for (int i = 0; i < 9; i++)
        buf_printf(&request, "X-Key-%d: " PLACEHOLDER("LARGE") "\r\n", i);
    buf_puts(&request, "\r\n");
    refused(request.data, "credential_placeholder_refused", "Credential Placeholder Misplaced",
            " [type:openshell.credentials.traffic_uninspectable confidence:high] [reason:",
            "the head has so many placeholders of credentials that their values would make it far "
            "too long");
    buf_free(&request);
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_origin_gets_values_and_the_log_shows_none),
        cmocka_unit_test(a_placeholder_sent_elsewhere_is_a_finding),
        cmocka_unit_test(a_placeholder_is_no_host),
        cmocka_unit_test(a_placeholder_is_no_target_of_the_proxy),
        cmocka_unit_test(a_head_grows_within_bounds),
        cmocka_unit_test(trailers_carry_no_placeholder_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, all_tests);
}
