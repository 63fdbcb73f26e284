/* SPDX-License-Identifier: Apache-2.0 */
/* What lasts ends with the right to it: a token that is revoked or expires, a share that is taken
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "auth/holders.h"
#include "auth/lease.h"

struct scene {
    uv_loop_t loop;
    uv_timer_t alive;                               /* the leases do not keep a loop running */
    struct auth auth;
    const char *holders;                            /* of the sandbox demo, whose id is s1 */
    struct auth_leases *leases;
    struct auth_lease *lease, *other;
    unsigned lost;
    enum error_kind why;
};

static bool find_sandbox(void *ctx, const char *name, struct auth_sandbox *out)
{
    struct scene *s = ctx;
    assert_string_equal(name, "demo");
    *out = (struct auth_sandbox){"s1", s->holders};
    return true;
}

static void turn_again(uv_timer_t *timer)
{
    (void)timer;
}

static int setup(void **state)
{
    static struct scene scene;
    scene = (struct scene){.holders = AUTH_NO_HOLDERS};
    uv_loop_init(&scene.loop);
    uv_timer_init(&scene.loop, &scene.alive);
    uv_timer_start(&scene.alive, turn_again, 100, 100);
    scene.auth.live = auth_live_new();
    scene.auth.find_sandbox = find_sandbox;
    scene.auth.supervisors = &scene;
    scene.leases = auth_leases_new(&scene.loop, &scene.auth);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    auth_leases_close(s->leases);
    uv_close((uv_handle_t *)&s->alive, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    auth_live_free(s->auth.live);
    return uv_loop_close(&s->loop);
}

/* The other one is lost at the same time, and is ended by it. */
static void lost(void *arg, const struct error *why)
{
    struct scene *s = arg;
    s->lost++;
    s->why = why->kind;
    auth_lease_end(s->lease);
    auth_lease_end(s->other);
    s->lease = s->other = NULL;
}

static struct auth_principal with_token(struct scene *s, const char *id)
{
    struct auth_live_token token = {.role = "user"};
    struct auth_principal who = {.kind = AUTH_BY_TOKEN, .powers = auth_role_powers(AUTH_USER)};
    strcpy(token.id, id);
    memset(token.sha256, *id, DIGEST_HEX_SIZE - 1);
    strcpy(who.name, "carl");
    strcpy(who.proof, token.sha256);
    auth_live_add(s->auth.live, &token);
    return who;
}

static void wake(struct scene *s)
{
    auth_leases_wake(s->leases);
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

static void a_revoked_token_ends_its_leases_and_no_others(void **state)
{
    struct scene *s = *state;
    const struct auth_principal mine = with_token(s, "a"), theirs = with_token(s, "b");
    s->lease = auth_lease_begin(s->leases, &mine, lost, s);
    s->other = auth_lease_begin(s->leases, &mine, lost, s);
    struct auth_lease *stays = auth_lease_begin(s->leases, &theirs, lost, s);
    wake(s);
    assert_int_equal(s->lost, 0);
    auth_live_remove(s->auth.live, "a");
    wake(s);
    assert_int_equal(s->lost, 1);
    assert_int_equal(s->why, ERROR_UNAUTHORIZED);
    wake(s);
    assert_int_equal(s->lost, 1);
    auth_lease_end(stays);
}

static void a_right_to_a_sandbox_ends_with_its_share(void **state)
{
    struct scene *s = *state;
    struct auth_principal who = with_token(s, "a");
    s->holders = "{\"shares\":[{\"name\":\"carl\",\"role\":\"user\"}]}";
    struct auth_sandbox sandbox = {"s1", s->holders};
    auth_ask_about(&who, &sandbox);
    s->lease = auth_lease_begin(s->leases, &who, lost, s);
    auth_lease_of_sandbox(s->lease, &who, AUTH_SANDBOX_RUN, "demo");
    wake(s);
    assert_int_equal(s->lost, 0);
    s->holders = AUTH_NO_HOLDERS;
    wake(s);
    assert_int_equal(s->lost, 1);
    assert_int_equal(s->why, ERROR_FORBIDDEN);
}

/* Another sandbox has the name now: the right was to the one before. */
static void the_name_of_another_sandbox_says_nothing(void **state)
{
    struct scene *s = *state;
    struct auth_principal who = with_token(s, "a");
    auth_ask_about(&who, &(struct auth_sandbox){"s0", AUTH_NO_HOLDERS});
    s->lease = auth_lease_begin(s->leases, &who, lost, s);
    auth_lease_of_sandbox(s->lease, &who, AUTH_SANDBOX_RUN, "demo");
    wake(s);
    assert_int_equal(s->lost, 0);
    auth_lease_end(s->lease);
}

/* Without anybody who says that it changed. */
static void time_is_looked_at(void **state)
{
    struct scene *s = *state;
    struct auth_principal who = with_token(s, "a");
    who.until_ms = 1;
    s->lease = auth_lease_begin(s->leases, &who, lost, s);
    while (!s->lost)
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_int_equal(s->lost, 1);
}

static void without_leases_nobody_is_told(void **state)
{
    const struct auth_principal who = {.kind = AUTH_BY_UID};
    (void)state;
    assert_null(auth_lease_begin(NULL, &who, lost, NULL));
    auth_lease_of_sandbox(NULL, &who, AUTH_SANDBOX_RUN, "demo");
    auth_lease_end(NULL);
    auth_leases_wake(NULL);
    auth_leases_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_revoked_token_ends_its_leases_and_no_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_right_to_a_sandbox_ends_with_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(the_name_of_another_sandbox_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_looked_at, setup, teardown),
        cmocka_unit_test(without_leases_nobody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
