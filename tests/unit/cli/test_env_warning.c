/* SPDX-License-Identifier: Apache-2.0 */
/* --env with a value that looks like a secret: said with the provider that would keep it, and
 * never with the value. */
#include "support/terminal.h"

struct row {
    const char *name, *value;
    const char *profile;                            /* named by the warning; NULL: no warning */
};

static void check(const char *line, const struct row *row)
{
    struct terminal *t = type(line);
    json_t *env = json_pack("{s:s}", row->name, row->value);
    begin_listening(t);
    warn_of_secrets(&t->cli, env);
    end_listening(t);
    if (row->profile) {
        char *expected = alloc_printf("`sluice provider create NAME --profile %s --from-env %s`",
                                      row->profile, row->name);
        if (!strstr(t->err, expected) || !strstr(t->err, "looks like a secret"))
            fail_msg("%s=%s: %s", row->name, row->value, t->err);
        free(expected);
    } else if (*t->err) {
        fail_msg("%s=%s: %s", row->name, row->value, t->err);
    }
    assert_null(strstr(t->err, row->value));
    assert_string_equal(t->out, "");
    json_decref(env);
    hang_up(t);
}

static void values_that_look_like_secrets_are_warned_of(void **state)
{
    static const struct row rows[] = {
        {"GITHUB_TOKEN", "whatever-it-is", "github"},
        {"OPENAI_API_KEY", "whatever-it-is", "openai"},
        {"AWS_SECRET_ACCESS_KEY", "whatever-it-is", "aws"},
        {"db_password", "hunter2-hunter2", "generic"},
        {"SERVICE_ACCOUNT", "-----BEGIN PRIVATE KEY-----", "generic"},
        {"X", "ghp_0123456789", "generic"},
        {"X", "eyJhbGciOiJub25lIn0", "generic"},
        {"X", "AKIAIOSFODNN7EXAMPLE", "generic"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check("sandbox exec demo -- true", &rows[i]);
}

static void others_are_not(void **state)
{
    static const struct row rows[] = {
        {"LANG", "en_US.UTF-8", NULL},
        {"TOKENIZERS_PARALLELISM", "false", NULL},  /* too short for a secret */
        {"PATH", "/usr/local/bin:/usr/bin", NULL},
        {"GREETING", "hello sk-world", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check("sandbox exec demo -- true", &rows[i]);
}

static void the_warning_can_be_turned_off(void **state)
{
    const struct row row = {"GITHUB_TOKEN", "ghp_0123456789", NULL};
    (void)state;
    check("sandbox exec demo --no-credential-warnings -- true", &row);
    check("sandbox create --no-credential-warnings", &row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_look_like_secrets_are_warned_of),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(the_warning_can_be_turned_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
