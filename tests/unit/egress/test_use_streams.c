/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of HTTP/2 that pass by a grant of so many uses: each stream is one. */
#include "egress/grants.h"
#include "support/crossing.h"

enum { STREAMS = 8, USES = 3 };

static unsigned n_uses;

static void on_use(void *ctx, const char *rule)
{
    (void)ctx;
    assert_string_equal(rule, "two");
    n_uses++;
}

/* GET passes for good, POST by the rule "two", which is open for as many uses. */
static struct policy *policy_of(const struct crossing *x)
{
    char *text = alloc_printf(
        "version: 1\nnetwork_policies:\n"
        "  one:\n    binaries: [{path: /bin/curl}]\n    endpoints: [{host: origin.test, port: %u, "
        "protocol: rest, enforcement: enforce, allowed_ips: [10.77.0.0/24], access: read-only}]\n"
        "  two:\n    binaries: [{path: /bin/curl}]\n    endpoints: [{host: origin.test, port: %u, "
        "protocol: rest, enforcement: enforce, allowed_ips: [10.77.0.0/24], "
        "rules: [{allow: {method: POST, path: /**}}]}]\n", x->port, x->port);
    struct policy *policy = memory_policy(text);
    free(text);
    return policy;
}

static void begin(struct crossing *x, int64_t uses)
{
    crossing_begin(x, "access: read-only", NULL);
    origin_settle(&x->origins[0]);
    n_uses = 0;
    x->scene.proxy.on_use = on_use;
    struct policy *policy = policy_of(x);
    const struct egress_grant grant = {.rule = "two", .uses_left = uses};
    egress_set_granted(&x->scene.proxy, policy, &grant, 1);
    policy_unref(policy);
}

static void end(struct crossing *x)
{
    egress_grants_free(&x->scene.proxy.grants);
    crossing_end(x);
}

static struct pair_end *post(struct crossing *x, int i)
{
    char *text = alloc_printf("POST /p%d HTTP/1.1\r\n%%sContent-Length: 4\r\n\r\nbody", i);
    struct pair_end *asked = crossing_ask(x, text);
    free(text);
    return asked;
}

static bool is_asked(struct crossing *x, int i, uint32_t *stream)
{
    char path[16];
    snprintf(path, sizeof path, "/p%d", i);
    *stream = origin_asked(&x->origins[0], path);
    return *stream != 0;
}

/* Refused, or with the origin, which has not answered yet. */
static unsigned count_decided(struct crossing *x, struct pair_end *const *ends, unsigned *passed)
{
    unsigned refused = 0;
    uint32_t stream;
    *passed = 0;
    for (int i = 0; i < STREAMS; i++) {
        refused += end_got(ends[i], "HTTP/1.1 403 ");
        *passed += is_asked(x, i, &stream);
    }
    return refused + *passed;
}

static void of_streams_at_once_exactly_as_many_pass_as_there_are_uses(void **state)
{
    struct crossing x;
    struct pair_end *ends[STREAMS];
    unsigned passed;
    (void)state;
    begin(&x, USES);
    for (int i = 0; i < STREAMS; i++)
        ends[i] = post(&x, i);
    CROSS(&x, count_decided(&x, ends, &passed) == STREAMS);
    assert_int_equal(passed, USES);
    assert_int_equal(n_uses, USES);
    for (int i = 0; i < STREAMS; i++)
        end_free(ends[i]);
    end(&x);
}

/* What passes by another rule costs nothing, and a stream that is over gives nothing back. */
static void each_stream_is_a_use(void **state)
{
    struct crossing x;
    uint32_t stream;
    (void)state;
    begin(&x, 2);
    for (int i = 0; i < 2; i++) {
        struct pair_end *asked = post(&x, i);
        CROSS(&x, is_asked(&x, i, &stream));
        origin_answer(&x.origins[0], stream, "ok");
        CROSS(&x, end_got(asked, "HTTP/1.1 200 "));
        end_free(asked);
    }
    struct pair_end *refused = post(&x, 2), *read = crossing_get(&x, "/read");
    CROSS(&x, end_got(refused, "HTTP/1.1 403 "));
    CROSS(&x, (stream = origin_asked(&x.origins[0], "/read")));
    origin_answer(&x.origins[0], stream, "ok");
    CROSS(&x, end_got(read, "HTTP/1.1 200 "));
    assert_int_equal(n_uses, 2);
    end_free(refused);
    end_free(read);
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_streams_at_once_exactly_as_many_pass_as_there_are_uses),
        cmocka_unit_test(each_stream_is_a_use),
    };
    network_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
