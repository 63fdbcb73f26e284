/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/protocol.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Encodes, checks the text, and decodes it again. */
static void pass(const struct sandbox_message *message, const char *text, struct arena *arena,
                 struct sandbox_message *out)
{
    struct buf line = {0};
    struct error err;
    sandbox_message_encode(message, &line);
    assert_string_equal(line.data, text);
    assert_int_equal(sandbox_message_decode(line.data, line.len - 1, arena, out, &err), 0);
    assert_int_equal(out->type, message->type);
    buf_free(&line);
}

static void hello_passes(void **state)
{
    const struct sandbox_message message = {
        .type = MESSAGE_HELLO, .hello = {.protocol = 1, .sandbox = "s", .loaded_revision = 3,
                                         .warnings = (const char *const[]){"w"}, .n_warnings = 1}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"hello\",\"protocol\":1,\"sandbox\":\"s\",\"loaded_revision\":3,"
         "\"warnings\":[\"w\"]}\n", arena, &out);
    assert_int_equal(out.hello.protocol, 1);
    assert_string_equal(out.hello.sandbox, "s");
    assert_int_equal(out.hello.loaded_revision, 3);
    assert_int_equal(out.hello.n_warnings, 1);
    assert_string_equal(out.hello.warnings[0], "w");
    arena_free(arena);
}

static void revisions_pass(void **state)
{
    struct sandbox_message out,
        message = {.type = MESSAGE_POLICY,
                   .revision = {.revision = 4, .hash = "h", .policy = "{\"version\":1}\n"}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&message, "{\"type\":\"policy\",\"revision\":4,\"hash\":\"h\","
         "\"policy\":\"{\\\"version\\\":1}\\n\"}\n", arena, &out);
    assert_string_equal(out.revision.policy, "{\"version\":1}\n");
    message =
        (struct sandbox_message){.type = MESSAGE_LOADED, .revision = {.revision = 4, .hash = "h"}};
    pass(&message, "{\"type\":\"loaded\",\"revision\":4,\"hash\":\"h\"}\n", arena, &out);
    assert_int_equal(out.revision.revision, 4);
    message = (struct sandbox_message){.type = MESSAGE_FAILED,
                                       .revision = {.revision = 4, .error = "no"}};
    pass(&message, "{\"type\":\"failed\",\"revision\":4,\"error\":\"no\"}\n", arena, &out);
    assert_string_equal(out.revision.error, "no");
    arena_free(arena);
}

static void settings_pass(void **state)
{
    struct sandbox_message out,
        message = {.type = MESSAGE_SETTINGS,
                   .settings = {.hold_ms = 20000, .agent_proposals = true}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"settings\",\"hold_ms\":20000,\"agent_proposals\":true,"
         "\"resolve_denied\":false}\n", arena, &out);
    assert_int_equal(out.settings.hold_ms, 20000);
    assert_true(out.settings.agent_proposals);
    assert_false(out.settings.resolve_denied);
    arena_free(arena);
}

static void what_agents_ask_passes(void **state)
{
    const char *const ids[] = {"c1"}, *const reasons[] = {"no"};
    const char *const wishes[] = {"", "{\"uses\":1}"};
    struct sandbox_message out,
        message = {.type = MESSAGE_PROPOSE, .proposal = {3, "why\n", "{\"operations\":[]}"}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"propose\",\"id\":3,\"intent\":\"why\\n\",\"operations\":"
         "\"{\\\"operations\\\":[]}\"}\n", arena, &out);
    assert_string_equal(out.proposal.operations, "{\"operations\":[]}");
    assert_int_equal(out.proposal.n_wishes, 0);
    message.proposal = (struct agent_proposal){3, "", "{}", wishes, 2};
    pass(&message,
         "{\"type\":\"propose\",\"id\":3,\"intent\":\"\",\"operations\":\"{}\",\"wishes\":[\"\","
         "\"{\\\"uses\\\":1}\"]}\n", arena, &out);
    assert_string_equal(out.proposal.wishes[1], wishes[1]);
    message = (struct sandbox_message){.type = MESSAGE_PROPOSED,
                                       .proposed = {3, "", ids, 1, reasons, 1}};
    pass(&message,
         "{\"type\":\"proposed\",\"id\":3,\"error\":\"\",\"accepted\":[\"c1\"],\"reasons\":"
         "[\"no\"]}\n", arena, &out);
    assert_int_equal(out.proposed.n_accepted, 1);
    assert_string_equal(out.proposed.reasons[0], "no");
    message = (struct sandbox_message){.type = MESSAGE_CHUNK_CHANGED, .query = {0, "c1"}};
    pass(&message, "{\"type\":\"chunk_changed\",\"id\":0,\"chunk\":\"c1\"}\n", arena, &out);
    message = (struct sandbox_message){
        .type = MESSAGE_CHUNK,
        .chunk = {4, true, "", "c1", "approved", "r", "/b", "", "v", "", "t", "h", "i", 2}};
    pass(&message,
         "{\"type\":\"chunk\",\"id\":4,\"found\":true,\"error\":\"\",\"chunk_id\":\"c1\","
         "\"status\":\"approved\",\"rule_name\":\"r\",\"binary\":\"/b\",\"rejection_reason\":"
         "\"\",\"validation_result\":\"v\",\"application_error\":\"\",\"review_token\":\"t\","
         "\"current_hash\":\"h\",\"candidate_hash\":\"i\",\"revision\":2}\n", arena, &out);
    assert_int_equal(out.chunk.revision, 2);
    assert_string_equal(out.chunk.candidate_hash, "i");
    arena_free(arena);
}

static void denials_pass(void **state)
{
    static const char *const ancestors[] = {"/usr/bin/bash"};
    struct sandbox_denial item = {
        .host = "example.com", .port = 443, .binary = "/usr/bin/curl", .ancestors = ancestors,
        .n_ancestors = 1, .reason = "why", .stage = "connect", .count = 2, .first_seen_ms = 5,
        .last_seen_ms = 6};
    const struct sandbox_message message = {.type = MESSAGE_DENIALS, .denials = {&item, 1}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"denials\",\"items\":[{\"host\":\"example.com\",\"port\":443,"
         "\"binary\":\"/usr/bin/curl\",\"ancestors\":[\"/usr/bin/bash\"],\"reason\":\"why\","
         "\"stage\":\"connect\",\"count\":2,\"first_seen_ms\":5,\"last_seen_ms\":6}]}\n",
         arena, &out);
    assert_int_equal(out.denials.n, 1);
    assert_int_equal(out.denials.items[0].port, 443);
    assert_string_equal(out.denials.items[0].ancestors[0], "/usr/bin/bash");
    assert_int_equal(out.denials.items[0].last_seen_ms, 6);
    arena_free(arena);
}

static void denials_of_requests_pass(void **state)
{
    static const char *const links[] = {"/usr/bin/python3"};
    struct sandbox_denial item = {.host = "example.com",
                                  .port = 443,
                                  .binary = "/usr/bin/python3.11",
                                  .reason = "why",
                                  .stage = "connect-l7-deny",
                                  .method = "POST",
                                  .path = "/a%20b",
                                  .links = links,
                                  .n_links = 1,
                                  .count = 1,
                                  .first_seen_ms = 5,
                                  .last_seen_ms = 6};
    const struct sandbox_message message = {.type = MESSAGE_DENIALS, .denials = {&item, 1}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"denials\",\"items\":[{\"host\":\"example.com\",\"port\":443,"
         "\"binary\":\"/usr/bin/python3.11\",\"ancestors\":[],\"reason\":\"why\","
         "\"stage\":\"connect-l7-deny\",\"method\":\"POST\",\"path\":\"/a%20b\","
         "\"links\":[\"/usr/bin/python3\"],\"count\":1,\"first_seen_ms\":5,\"last_seen_ms\":6}]}\n",
         arena, &out);
    assert_string_equal(out.denials.items[0].method, "POST");
    assert_string_equal(out.denials.items[0].path, "/a%20b");
    assert_int_equal(out.denials.items[0].n_links, 1);
    assert_string_equal(out.denials.items[0].links[0], "/usr/bin/python3");
    arena_free(arena);
}

static void forecasts_pass(void **state)
{
    struct sandbox_message message = {.type = MESSAGE_FORECAST,
                                      .forecast = {.id = 7, .operations = "{\"operations\":[]}"}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"forecast\",\"id\":7,\"operations\":\"{\\\"operations\\\":[]}\"}\n", arena,
         &out);
    assert_string_equal(out.forecast.operations, "{\"operations\":[]}");
    message = (struct sandbox_message){.type = MESSAGE_OUTCOME,
                                       .forecast = {.id = 7, .outcome = "held"}};
    pass(&message, "{\"type\":\"outcome\",\"id\":7,\"outcome\":\"held\"}\n", arena, &out);
    assert_int_equal(out.forecast.id, 7);
    assert_string_equal(out.forecast.outcome, "held");
    arena_free(arena);
}

static void traffic_passes(void **state)
{
    struct sandbox_traffic_item item = {.verdict = "allowed",
                                        .host = "example.com",
                                        .port = 443,
                                        .binary = "/usr/bin/curl",
                                        .rule = "web",
                                        .reason = "",
                                        .count = 3,
                                        .first_seen_ms = 5,
                                        .last_seen_ms = 6};
    const struct sandbox_message message = {.type = MESSAGE_TRAFFIC, .traffic = {"s", 9, &item, 1}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"traffic\",\"source\":\"s\",\"number\":9,\"items\":[{\"verdict\":\"allowed\","
         "\"host\":\"example.com\",\"port\":443,\"binary\":\"/usr/bin/"
         "curl\",\"rule\":\"web\",\"reason\":\"\","
         "\"count\":3,\"first_seen_ms\":5,\"last_seen_ms\":6}]}\n",
         arena, &out);
    assert_int_equal(out.traffic.number, 9);
    assert_int_equal(out.traffic.n, 1);
    assert_int_equal(out.traffic.items[0].count, 3);
    assert_string_equal(out.traffic.items[0].rule, "web");
    assert_null(out.traffic.items[0].method);
    arena_free(arena);
}

static void audited_requests_pass_with_their_call(void **state)
{
    struct sandbox_traffic_item item = {.verdict = "audited",
                                        .host = "x.test",
                                        .port = 443,
                                        .binary = "/usr/bin/curl",
                                        .rule = "tools",
                                        .reason = "no",
                                        .method = "POST",
                                        .path = "/mcp",
                                        .rpc_method = "tools/call",
                                        .tool = "drop\n",
                                        .count = 1};
    const struct sandbox_message message = {.type = MESSAGE_TRAFFIC, .traffic = {"s", 9, &item, 1}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"traffic\",\"source\":\"s\",\"number\":9,\"items\":[{\"verdict\":\"audited\","
         "\"host\":\"x.test\",\"port\":443,\"binary\":\"/usr/bin/curl\",\"rule\":\"tools\","
         "\"reason\":\"no\",\"method\":\"POST\",\"path\":\"/mcp\",\"rpc_method\":\"tools/call\","
         "\"tool\":\"drop\\n\",\"count\":1,\"first_seen_ms\":0,\"last_seen_ms\":0}]}\n",
         arena, &out);
    assert_string_equal(out.traffic.items[0].tool, "drop\n");
    assert_null(out.traffic.items[0].operation);
    arena_free(arena);
}

static void exec_passes(void **state)
{
    static const char *const command[] = {"ls", "-l"};
    struct spec_pair env[] = {{"K", "V"}};
    const struct sandbox_message message = {
        .type = MESSAGE_EXEC,
        .exec = {.id = "e", .command = command, .n_command = 2, .env = env, .n_env = 1, .tty = true,
                 .cols = 100, .rows = 40, .timeout_ms = 9}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"exec\",\"id\":\"e\",\"command\":[\"ls\",\"-l\"],\"env\":{\"K\":\"V\"},"
         "\"tty\":true,\"cols\":100,\"rows\":40,\"timeout_ms\":9}\n",
         arena, &out);
    assert_int_equal(out.exec.n_command, 2);
    assert_string_equal(out.exec.command[1], "-l");
    assert_string_equal(out.exec.env[0].value, "V");
    assert_null(out.exec.workdir);
    assert_int_equal(out.exec.rows, 40);
    assert_null(out.exec.service);
    pass(&(struct sandbox_message){.type = MESSAGE_EXEC,
                                   .exec = {.id = "e", .service = "tcp", .port = 65535}},
         "{\"type\":\"exec\",\"id\":\"e\",\"service\":\"tcp\",\"port\":65535,\"command\":[],"
         "\"env\":{},\"tty\":false,\"cols\":0,\"rows\":0,\"timeout_ms\":0}\n",
         arena, &out);
    assert_string_equal(out.exec.service, "tcp");
    assert_int_equal(out.exec.port, 65535);
    arena_free(arena);
}

static void small_messages_pass(void **state)
{
    struct sandbox_message out, message = {.type = MESSAGE_STOP, .stop = {.grace_ms = 500}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&message, "{\"type\":\"stop\",\"grace_ms\":500}\n", arena, &out);
    assert_int_equal(out.stop.grace_ms, 500);
    message = (struct sandbox_message){
        .type = MESSAGE_LOG,
        .log = {.level = "warn", .text = "a\nb", .kind = "refused", .at_ms = 7}};
    pass(&message,
         "{\"type\":\"log\",\"level\":\"warn\",\"kind\":\"refused\",\"at_ms\":7,\"message\":"
         "\"a\\nb\"}\n",
         arena, &out);
    assert_string_equal(out.log.text, "a\nb");
    assert_string_equal(out.log.kind, "refused");
    assert_int_equal(out.log.at_ms, 7);
    message = (struct sandbox_message){.type = MESSAGE_START_FAILED, .log = {.text = "no"}};
    pass(&message, "{\"type\":\"start_failed\",\"error\":\"no\"}\n", arena, &out);
    assert_string_equal(out.log.text, "no");
    message = (struct sandbox_message){.type = MESSAGE_PING};
    pass(&message, "{\"type\":\"ping\"}\n", arena, &out);
    message = (struct sandbox_message){.type = MESSAGE_PONG};
    pass(&message, "{\"type\":\"pong\"}\n", arena, &out);
    arena_free(arena);
}

static void text_that_is_not_utf8_is_cut(void **state)
{
    struct sandbox_message out,
        message = {.type = MESSAGE_LOG, .log = {.level = "warn", .text = "good\xff bad"}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&message, "{\"type\":\"log\",\"level\":\"warn\",\"message\":\"good\"}\n", arena, &out);
    arena_free(arena);
}

static void any_character_passes_in_arguments_and_variables(void **state)
{
    static const char *const command[] = {"printf", "\x1b[31m\n\t\x7f\u202e"};
    struct spec_pair env[] = {{"Z", "\x01"}, {"A", "1"}};
    const struct sandbox_message message = {
        .type = MESSAGE_EXEC,
        .exec = {.id = "e", .command = command, .n_command = 2, .env = env, .n_env = 2}};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    (void)state;
    pass(&message,
         "{\"type\":\"exec\",\"id\":\"e\",\"command\":[\"printf\",\"\\u001b["
         "31m\\n\\t\\u007f\u202e\"],"
         "\"env\":{\"Z\":\"\\u0001\",\"A\":\"1\"},\"tty\":false,\"cols\":0,\"rows\":0,\"timeout_"
         "ms\":0}\n",
         arena, &out);
    assert_string_equal(out.exec.command[1], command[1]);
    assert_string_equal(out.exec.env[0].key, "Z");
    assert_string_equal(out.exec.env[1].value, "1");
    arena_free(arena);
}

static void members_of_a_later_version_are_ignored(void **state)
{
    static const char line[] =
        "{\"type\":\"loaded\",\"revision\":4,\"hash\":\"h\",\"mood\":{\"a\":[1]}}";
    struct sandbox_message out;
    struct error err;
    struct arena *arena = arena_new();
    (void)state;
    assert_int_equal(sandbox_message_decode(line, sizeof line - 1, arena, &out, &err), 0);
    assert_int_equal(out.revision.revision, 4);
    arena_free(arena);
}

static void a_bad_message_is_refused_by_name(void **state)
{
    static const struct { const char *line, *error; } cases[] = {
        {"", "not a message: not valid JSON: a value is missing at the end"},
        {"{}", "a message without a type"},
        {"{\"type\":\"dance\"}", "unknown message dance"},
        {"{\"type\":\"policy\",\"revision\":-1,\"hash\":\"h\",\"policy\":\"{}\"}",
         "message policy: revision: must be between 0 and 9223372036854775807, not -1"},
        {"{\"type\":\"policy\",\"revision\":1,\"hash\":\"h\"}",
         "message policy: the field \"policy\" is missing"},
        {"{\"type\":\"exec\",\"id\":\"e\",\"command\":[1]}",
         "message exec: command[0]: must be a text: write \"1\""},
        {"{\"type\":\"exec\",\"id\":\"e\",\"command\":[\"a\\u0000b\"]}",
         "not a message: command[0]: not valid JSON: a NUL character is not allowed in text"},
        {"{\"type\":\"exec\",\"id\":\"e\",\"command\":[],\"tty\":1}",
         "message exec: tty: must be true or false, not \"1\""},
        {"{\"type\":\"exec\",\"id\":\"e\",\"command\":[],\"env\":{\"A\":[]}}",
         "message exec: env.A: must be a text, not a list"},
        {"{\"type\":\"denials\",\"items\":[{}]}",
         "message denials: items[0]: the field \"host\" is missing"},
        {"{\"type\":\"traffic\",\"source\":\"s\",\"number\":1,\"items\":[{\"verdict\":\"maybe\"}]}",
         "message traffic: items[0]: the field \"host\" is missing"},
    };
    struct sandbox_message out;
    struct error err;
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            sandbox_message_decode(cases[i].line, strlen(cases[i].line), arena, &out, &err), -1);
        assert_string_equal(err.text, cases[i].error);
    }
    arena_free(arena);
}

static void what_waits_passes(void **state)
{
    struct sandbox_denial item = {.host = "a.test", .port = 443, .binary = "/b", .reason = "r",
                                  .stage = "connect", .waiting = 3};
    struct sandbox_message out, denials = {.type = MESSAGE_DENIALS, .denials = {&item, 1}},
                                rejected = {.type = MESSAGE_REJECTED,
                                            .rejected = {.host = "a.test", .port = 443,
                                                         .binary = "/b", .method = "POST",
                                                         .path = "/a"}};
    struct arena *arena = arena_new();
    (void)state;
    pass(&denials,
         "{\"type\":\"denials\",\"items\":[{\"host\":\"a.test\",\"port\":443,\"binary\":\"/b\","
         "\"ancestors\":[],\"reason\":\"r\",\"stage\":\"connect\",\"count\":0,\"first_seen_ms\":0,"
         "\"last_seen_ms\":0,\"waiting\":3}]}\n", arena, &out);
    assert_int_equal(out.denials.items[0].waiting, 3);
    pass(&rejected,
         "{\"type\":\"rejected\",\"host\":\"a.test\",\"port\":443,\"binary\":\"/b\","
         "\"method\":\"POST\",\"path\":\"/a\"}\n", arena, &out);
    assert_string_equal(out.rejected.path, "/a");
    rejected.rejected = (struct sandbox_rejected){.host = "", .binary = ""};
    pass(&rejected, "{\"type\":\"rejected\",\"host\":\"\",\"port\":0,\"binary\":\"\"}\n", arena,
         &out);
    assert_string_equal(out.rejected.host, "");
    arena_free(arena);
}

static void messages_of_hosts_pass(void **state)
{
    const char *const ids[] = {"a", "b"};
    struct sandbox_message out;
    struct arena *arena = arena_new();
    struct error err;
    (void)state;
    pass(&(struct sandbox_message){
             .type = MESSAGE_HOST_HELLO,
             .host_hello = {.protocol = 1, .version = "2", .labels = "{}", .capacity = 3,
                            .running = ids, .n_running = 1, .stopped = ids + 1, .n_stopped = 1}},
         "{\"type\":\"host_hello\",\"protocol\":1,\"version\":\"2\",\"labels\":\"{}\","
         "\"capacity\":3,\"running\":[\"a\"],\"stopped\":[\"b\"]}\n", arena, &out);
    assert_string_equal(out.host_hello.stopped[0], "b");
    pass(&(struct sandbox_message){.type = MESSAGE_PLACE,
                                   .place = {.id = "a", .number = 7, .pids = 9, .spec = "{}"}},
         "{\"type\":\"place\",\"id\":\"a\",\"number\":7,\"memory_bytes\":0,\"cpu_millis\":0,"
         "\"pids\":9,\"spec\":\"{}\"}\n", arena, &out);
    assert_int_equal(out.place.pids, 9);
    assert_null(out.place.extra_ca);
    pass(&(struct sandbox_message){.type = MESSAGE_ENDED, .of_host = {.id = "a", .error = "w"}},
         "{\"type\":\"ended\",\"id\":\"a\",\"error\":\"w\"}\n", arena, &out);
    static const char many[] = "{\"type\":\"host_hello\",\"protocol\":1,\"version\":\"2\","
                               "\"labels\":\"{}\",\"capacity\":4097}";
    assert_int_equal(sandbox_message_decode(many, sizeof many - 1, arena, &out, &err), -1);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_passes),
        cmocka_unit_test(revisions_pass),
        cmocka_unit_test(settings_pass),
        cmocka_unit_test(what_agents_ask_passes),
        cmocka_unit_test(denials_pass),
        cmocka_unit_test(denials_of_requests_pass),
        cmocka_unit_test(forecasts_pass),
        cmocka_unit_test(traffic_passes),
        cmocka_unit_test(audited_requests_pass_with_their_call),
        cmocka_unit_test(exec_passes),
        cmocka_unit_test(small_messages_pass),
        cmocka_unit_test(text_that_is_not_utf8_is_cut),
        cmocka_unit_test(any_character_passes_in_arguments_and_variables),
        cmocka_unit_test(members_of_a_later_version_are_ignored),
        cmocka_unit_test(a_bad_message_is_refused_by_name),
        cmocka_unit_test(messages_of_hosts_pass),
        cmocka_unit_test(what_waits_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
