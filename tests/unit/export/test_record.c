/* SPDX-License-Identifier: Apache-2.0 */
/* Records as they are exported, beside the files of tests/fixtures/export. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/record.h"

static struct store_decision decision(void)
{
    return (struct store_decision){
        .id = "5d0a3b62-0f5e-4a4c-9a53-000000000001", .seq = 17, .sandbox_id = "s-1",
        .sandbox = "demo", .kind = "replace", .outcome = "denied", .actor = "alice",
        .role = "user", .via = "unix", .reason = "for the release", .identity = "token",
        .origin = "tcp:192.0.2.7:1", .base_revision = 3, .revision = 0, .base_hash = "aa",
        .candidate_hash = "bb", .candidate_json = "{\"version\":1}",
        .votes_json = "[{\"voter\":\"live_reload\",\"verdict\":\"deny\",\"duration_us\":12}]",
        .diff_json = "{\"added\":[],\"share\":0.5}", .warnings_json = "[]", .draft_id = "",
        .chain_digest = "cc", .overridden = false, .at_ms = 1764547200123, .previous = "dd",
        .hash = "ee",
    };
}

static struct store_traffic traffic(const char *verdict, const char *method, const char *path)
{
    return (struct store_traffic){
        .number = 4, .sandbox_id = "s-1", .verdict = verdict, .host = "api.example.com",
        .port = 443, .binary = "/usr/bin/curl", .rule = "api", .reason = "why", .method = method,
        .path = path, .operation = "", .field = "", .rpc_method = "", .tool = "", .count = 9,
        .first_seen_ms = 1764547200000, .last_seen_ms = 1764547201000, .changed = 21,
    };
}

/* Takes made. */
static void same_as_file(json_t *made, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/export/%s.json", name);
    json_t *wanted = json_load_file(path, 0, NULL);
    if (!json_equal(made, wanted)) {
        char *text = json_dumps(made, JSON_INDENT(2));
        fprintf(stderr, "%s\n", text ? text : "no JSON");
        free(text);
        fail_msg("this is not as %s", path);
    }
    json_decref(wanted);
    json_decref(made);
}

static void a_decision_and_a_row_have_the_shape_of_their_format(void **state)
{
    (void)state;
    struct store_decision d = decision();
    struct store_traffic refused = traffic("refused", "", ""),
                         passed = traffic("passed", "GET", "/v1/x");
    same_as_file(export_native_audit(&d), "native_audit");
    same_as_file(export_native_traffic(&refused, "demo"), "native_traffic");
    same_as_file(export_ocsf_audit(&d), "ocsf_audit");
    same_as_file(export_ocsf_traffic(&refused, "demo"), "ocsf_connection");
    same_as_file(export_ocsf_traffic(&passed, "demo"), "ocsf_request");
}

static void a_request_of_otlp_is_as_its_json_encoding_says(void **state)
{
    (void)state;
    struct store_decision d = decision();
    struct store_traffic t = traffic("allowed", "", "");
    struct buf out = {0};
    json_t *audit = export_native_audit(&d), *row = export_native_traffic(&t, "demo");
    export_otlp_begin(&out);
    export_otlp_log(&(struct export_log){"audit", "demo", 17, d.at_ms, true}, audit, &out);
    buf_puts(&out, ",");
    export_otlp_log(&(struct export_log){"traffic", "demo", 21, t.last_seen_ms, false}, row, &out);
    export_otlp_end(&out);
    same_as_file(json_loads(buf_str(&out), 0, NULL), "otlp");
    buf_free(&out);
    json_decref(audit);
    json_decref(row);
}

static void a_part_that_is_too_long_is_left_out_and_named(void **state)
{
    (void)state;
    struct store_decision d = decision();
    char *candidate = malloc(EXPORT_PART_MAX + 3);
    memset(candidate, 'x', EXPORT_PART_MAX + 2);
    candidate[0] = candidate[EXPORT_PART_MAX + 1] = '"';
    candidate[EXPORT_PART_MAX + 2] = '\0';
    d.candidate_json = candidate;
    json_t *made = export_native_audit(&d), *ocsf = export_ocsf_audit(&d);
    assert_true(json_is_null(json_object_get(made, "candidate")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(made, "omitted"), 0)),
                        "candidate");
    assert_true(json_is_null(
        json_object_get(json_object_get(ocsf, "entity_result"), "data")));
    json_decref(made);
    json_decref(ocsf);
    free(candidate);
}

static void an_answer_of_success_may_name_records_that_were_dropped(void **state)
{
    (void)state;
    char why[256];
    assert_int_equal(export_otlp_rejected("{}", why), 0);
    assert_int_equal(export_otlp_rejected("no JSON", why), 0);
    assert_string_equal(why, "");
    assert_int_equal(export_otlp_rejected("{\"partialSuccess\":{\"rejectedLogRecords\":\"2\","
                                          "\"errorMessage\":\"too old\"}}", why), 2);
    assert_string_equal(why, "too old");
    assert_int_equal(export_otlp_rejected("{\"partialSuccess\":{\"rejectedLogRecords\":3}}", why),
                     3);
    assert_int_equal(export_otlp_rejected("{\"partialSuccess\":{\"rejectedLogRecords\":-3}}", why),
                     0);
    assert_int_equal(export_otlp_rejected("{\"partialSuccess\":[{\"rejectedLogRecords\":3}]}", why),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_and_a_row_have_the_shape_of_their_format),
        cmocka_unit_test(a_request_of_otlp_is_as_its_json_encoding_says),
        cmocka_unit_test(a_part_that_is_too_long_is_left_out_and_named),
        cmocka_unit_test(an_answer_of_success_may_name_records_that_were_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
