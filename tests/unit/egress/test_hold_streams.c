/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of HTTP/2 that wait for a decision, each alone. */
#include "egress/hold.h"
#include "support/crossing.h"

#define READ "access: read-only"
#define ANY "access: full"
#define POST(path) "POST " path " HTTP/1.1\r\n%sContent-Length: 4\r\n\r\nbody"

enum { HOLD_MS = 3600 * 1000 };

struct held {
    struct crossing x;
    struct crossing_origin *origin;
};

static void on_denial(void *ctx, const struct egress_denial *denial)
{
    (void)ctx;
    assert_non_null(denial->method);
}

static void begin(struct held *h)
{
    memset(h, 0, sizeof *h);
    crossing_begin(&h->x, READ, NULL);
    struct egress_proxy *proxy = &h->x.scene.proxy;
    proxy->limits.max_held = 4;
    proxy->limits.held_bytes = 1 << 20;
    proxy->on_denial = on_denial;
    proxy->settings.hold_ms = HOLD_MS;
    proxy->holds = egress_holds_new(proxy);
    h->origin = &h->x.origins[0];
    origin_settle(h->origin);
}

static void closed(struct egress_proxy *proxy)
{
    (void)proxy;
}

static void end(struct held *h)
{
    egress_holds_close(&h->x.scene.proxy, closed);
    crossing_end(&h->x);
}

static unsigned n_held(const struct held *h)
{
    return egress_held_streams(&h->x.scene.proxy);
}

static void answer(struct held *h, const char *path)
{
    uint32_t stream;
    CROSS(&h->x, (stream = origin_asked(h->origin, path)));
    origin_answer(h->origin, stream, "ok");
}

static void a_stream_waits_and_the_others_go_on(void **state)
{
    struct held h;
    (void)state;
    begin(&h);
    struct pair_end *waits = crossing_ask(&h.x, POST("/waits"));
    CROSS(&h.x, n_held(&h) == 1);
    struct pair_end *passes = crossing_get(&h.x, "/passes");
    answer(&h, "/passes");
    CROSS(&h.x, end_got(passes, "HTTP/1.1 200 "));
    assert_int_equal(waits->in.len, 0);
    crossing_set(&h.x, ANY);
    answer(&h, "/waits");
    CROSS(&h.x, end_got(waits, "HTTP/1.1 200 "));
    assert_non_null(origin_saw(h.origin, "body"));
    assert_int_equal(n_held(&h), 0);
    end_free(waits);
    end_free(passes);
    end(&h);
}

static void a_stream_that_is_rejected_is_answered(void **state)
{
    struct held h;
    (void)state;
    begin(&h);
    struct pair_end *waits = crossing_ask(&h.x, POST("/waits"));
    CROSS(&h.x, n_held(&h) == 1);
    egress_reject(&h.x.scene.proxy, &(struct egress_waiting){.host = ""});
    CROSS(&h.x, end_got(waits, "HTTP/1.1 403 "));
    end_free(waits);
    end(&h);
}

static void a_stream_that_is_reset_frees_its_place(void **state)
{
    struct held h;
    (void)state;
    begin(&h);
    struct pair_end *waits = crossing_ask(&h.x, POST("/waits"));
    CROSS(&h.x, n_held(&h) == 1);
    net_close(waits->stream);
    CROSS(&h.x, n_held(&h) == 0);
    end_free(waits);
    end(&h);
}

static void a_client_that_goes_frees_the_places_of_its_streams(void **state)
{
    struct held h;
    (void)state;
    begin(&h);
    struct pair_end *first = crossing_ask(&h.x, POST("/1"));
    struct pair_end *second = crossing_ask(&h.x, POST("/2"));
    CROSS(&h.x, n_held(&h) == 2);
    egress_client_close(h.x.scene.client);
    assert_int_equal(n_held(&h), 0);
    end_free(first);
    end_free(second);
    end(&h);
}

static void streams_beyond_the_places_are_refused(void **state)
{
    struct held h;
    (void)state;
    begin(&h);
    struct pair_end *first = crossing_ask(&h.x, POST("/1"));
    struct pair_end *second = crossing_ask(&h.x, POST("/2"));
    CROSS(&h.x, n_held(&h) == 2);
    struct pair_end *third = crossing_ask(&h.x, POST("/3"));
    CROSS(&h.x, end_got(third, "HTTP/1.1 403 "));
    assert_int_equal(n_held(&h), 2);
    end_free(first);
    end_free(second);
    end_free(third);
    end(&h);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_stream_waits_and_the_others_go_on),
        cmocka_unit_test(a_stream_that_is_rejected_is_answered),
        cmocka_unit_test(a_stream_that_is_reset_frees_its_place),
        cmocka_unit_test(a_client_that_goes_frees_the_places_of_its_streams),
        cmocka_unit_test(streams_beyond_the_places_are_refused),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(void)
{
    network_enter();
    return tests();
}
