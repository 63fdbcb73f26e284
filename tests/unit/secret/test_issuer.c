/* SPDX-License-Identifier: Apache-2.0 */
/* What an issuer's answer may give to `sluice login`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "secret/issuer.h"

static int take(const char *json, struct issuer_grant *out, struct error *err)
{
    json_t *answer = json_loads(json, 0, NULL);
    assert_non_null(answer);
    int rc = issuer_take_token(200, answer, out, err);
    json_decref(answer);
    return rc;
}

static void drop(struct issuer_grant *grant)
{
    free(grant->token);
    free(grant->refresh);
    *grant = (struct issuer_grant){0};
}

/* It becomes the value of a header field. */
static void a_token_has_no_other_characters_than_tokens_have(void **state)
{
    static const char *const bad[] = {
        "{\"access_token\": \"a.b.c\\r\\n\\r\\nDELETE /v1/sandboxes/mine HTTP/1.1\\r\\n\"}",
        "{\"access_token\": \"a.b.c\\nHost: other\"}",
        "{\"access_token\": \"a.b.c\\r\"}",
        "{\"access_token\": \"a.b.c\\u001b[2J\"}",
        "{\"access_token\": \"a.b.c d\"}",
        "{\"access_token\": \"a.b.c\\u00e9\"}",
        "{\"access_token\": \"opaque\", \"id_token\": \"a.b.c\\r\\nX: y\"}",
        "{\"access_token\": \"\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct issuer_grant grant = {0};
        struct error err = {0};
        if (take(bad[i], &grant, &err) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_null(grant.token);
        assert_string_equal(err.text, "the issuer's answer has a token with characters that tokens "
                                      "do not have (RFC 6750 section 2.1)");
    }
}

static void a_refused_token_leaves_the_last_one(void **state)
{
    struct issuer_grant grant = {0};
    struct error err = {0};
    (void)state;
    assert_int_equal(take("{\"access_token\": \"a-b_c.d~e.f+g/h==\", \"refresh_token\": \"r\"}",
                          &grant, &err), 0);
    assert_int_equal(take("{\"access_token\": \"a.b.c\\n\", \"refresh_token\": \"s\"}", &grant,
                          &err), -1);
    assert_string_equal(grant.token, "a-b_c.d~e.f+g/h==");
    assert_string_equal(grant.refresh, "r");
    drop(&grant);
}

/* One that no clock can hold is as good as none. */
static void an_end_is_a_time(void **state)
{
    static const struct {
        const char *seconds;
        bool told;
    } cases[] = {{"300", true}, {"1.5", true}, {"1e300", false}, {"-1e300", false},
                 {"-1", false}, {"\"300\"", false}, {"null", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct issuer_grant grant = {0};
        struct error err = {0};
        char json[128];
        snprintf(json, sizeof json, "{\"access_token\": \"a.b.c\", \"expires_in\": %s}",
                 cases[i].seconds);
        assert_int_equal(take(json, &grant, &err), 0);
        if (cases[i].told)
            assert_true(grant.expires_ms > clock_now_ms());
        else if (grant.expires_ms)
            fail_msg("%s: %lld", cases[i].seconds, (long long)grant.expires_ms);
        drop(&grant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_has_no_other_characters_than_tokens_have),
        cmocka_unit_test(a_refused_token_leaves_the_last_one),
        cmocka_unit_test(an_end_is_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
