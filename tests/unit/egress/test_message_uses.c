/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket messages that pass by a grant of so many uses. */
#include "support/chat.h"

/* The rule "two" of the policy is open for as many uses. */
static void grant_uses(struct scene *s, const char *rule, int64_t uses)
{
    struct policy *policy = policy_of(&s->rig, rule);
    const struct egress_grant grant = {.rule = "two", .uses_left = uses};
    egress_set_granted(s->rig.proxy, policy, &grant, 1);
    policy_unref(policy);
}

#define UPGRADE_ALONE                                                                  \
    WS("        enforcement: enforce\n        rules: [{allow: {method: GET, path: /**}}]\n")

#define TEXTS_TOO                                                                      \
    UPGRADE_ALONE "  two:\n" WS("        enforcement: enforce\n        rules: "        \
                                "[{allow: {method: WEBSOCKET_TEXT, path: /chat}}]\n")

static void each_message_is_a_use(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, UPGRADE_ALONE, GET("/chat", ""), SWITCH(""));
    grant_uses(&chat.s, TEXTS_TOO, 2);
    end_send_bytes(chat.client,
                   BYTES("\x81\x83" KEY "one\x81\x83" KEY "two\x81\x85" KEY "three"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /chat not permitted by policy");
    assert_true(has(chat.origin, BYTES("\x81\x83" KEY "one\x81\x83" KEY "two")));
    assert_false(has(chat.origin, BYTES("three")));
    assert_int_equal(chat.s.rig.n_uses, 2);
    scene_close(&chat.s);
}

static void a_message_leaves_nothing_of_its_use_to_the_next_one(void **state)
{
    struct chat chat;
    (void)state;
    chat_open(&chat, UPGRADE_ALONE, GET("/chat", ""), SWITCH(""));
    grant_uses(&chat.s, TEXTS_TOO, 1);
    end_send_bytes(chat.client, BYTES("\x81\x83" KEY "one"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("one")));
    change_policy(&chat.s, UPGRADE_ALONE);          /* as the gateway does when it hears of it */
    end_send_bytes(chat.client, BYTES("\x81\x83" KEY "two"));
    closed_with(&chat, 1008, "WEBSOCKET_TEXT /chat not permitted by policy");
    assert_int_equal(chat.s.rig.n_uses, 1);
    scene_close(&chat.s);
}

/* One whose upgrade is a use has the rule as long as it is open. */
static void messages_of_an_upgrade_that_is_a_use_are_no_others(void **state)
{
    struct chat chat;
    const char *rule =
        WS("        enforcement: enforce\n        rules: [{allow: {method: GET, path: /other}}]\n")
        "  two:\n" CHAT("enforce");
    (void)state;
    scene_open(&chat.s, rule);
    grant_uses(&chat.s, rule, 1);
    chat.client = ask_plain(&chat.s, GET("/chat", ""), &chat.origin);
    UNTIL(&chat.s.rig, end_has(chat.origin, "\r\n\r\n"));
    end_send(chat.origin, SWITCH(""));
    end_send_bytes(chat.client, BYTES("\x81\x83" KEY "one\x81\x83" KEY "two"));
    UNTIL(&chat.s.rig, has(chat.origin, BYTES("one\x81\x83" KEY "two")));
    assert_int_equal(chat.s.rig.n_uses, 1);
    scene_close(&chat.s);
}

static void each_message_with_an_operation_is_a_use(void **state)
{
    static const char text[] = "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":"
                               "\"mutation { add }\"}}";
    const char *rule = WS("        enforcement: enforce\n        rules:\n"
                          "          - allow: {method: GET, path: /**}\n"
                          "          - allow: {operation_type: query}\n")
        "  two:\n" WS("        enforcement: enforce\n        rules: [{allow: {operation_type: "
                     "mutation, fields: [add]}}]\n");
    struct chat chat;
    (void)state;
    chat_open(&chat, rule, GET("/graphql", ""), SWITCH(""));
    grant_uses(&chat.s, rule, 1);
    send_text(chat.client, text);
    UNTIL(&chat.s.rig, end_has(chat.origin, "add"));
    assert_int_equal(chat.s.rig.n_uses, 1);
    send_text(chat.client, text);
    UNTIL(&chat.s.rig, chat.client->eof && chat.origin->eof);
    assert_int_equal(chat.s.rig.n_uses, 1);
    scene_close(&chat.s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_message_is_a_use),
        cmocka_unit_test(a_message_leaves_nothing_of_its_use_to_the_next_one),
        cmocka_unit_test(messages_of_an_upgrade_that_is_a_use_are_no_others),
        cmocka_unit_test(each_message_with_an_operation_is_a_use),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
