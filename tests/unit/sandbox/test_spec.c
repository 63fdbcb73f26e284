/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/spec.h"

#include "base/arena.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const addresses[] = {"10.77.0.2", "fd00::2"};
static const char *const hidden[] = {"/var/lib/sluice", "/run/sluice/sluice.sock"};
static struct spec_pair env[] = {{"LANG", "C.UTF-8"}, {"X", ""}};
static struct spec_host hosts[] = {{"api.example.com", addresses, 2}};

static const struct sandbox_spec sample = {
    .id = "6b9a",
    .name = "demo",
    .token = "secret",
    .gateway = "unix:/run/sluice/sluice.sock",
    .proxy = true,
    .env = env,
    .n_env = 2,
    .workdir = "/var/lib/sluice/sandboxes/6b9a/work",
    .uid = 1900000001,
    .policy = "{\"version\":1}",
    .revision = 7,
    .hash = "abc",
    .hosts = hosts,
    .n_hosts = 1,
    .extra_ca = "/etc/sluice/ca.pem",
    .inspect_when_needed = true,
    .settings = {.hold_ms = 20000, .agent_proposals = true, .resolve_denied = true},
    .log_level = "debug",
    .log_json = true,
    .init = "/usr/bin/sluice-init",
    .bwrap = "/usr/bin/bwrap",
    .lock = "/var/lib/sluice/sandboxes/6b9a/lock",
    .hidden = hidden,
    .n_hidden = 2,
};

static void check_sample(const struct sandbox_spec *spec)
{
    assert_string_equal(spec->id, "6b9a");
    assert_string_equal(spec->gateway, sample.gateway);
    assert_true(spec->proxy);
    assert_int_equal(spec->n_env, 2);
    assert_string_equal(spec->env[1].key, "X");
    assert_string_equal(spec->env[1].value, "");
    assert_int_equal(spec->uid, 1900000001);
    assert_string_equal(spec->policy, "{\"version\":1}");
    assert_int_equal(spec->revision, 7);
    assert_int_equal(spec->n_hosts, 1);
    assert_string_equal(spec->hosts[0].name, "api.example.com");
    assert_string_equal(spec->hosts[0].addresses[1], "fd00::2");
    assert_string_equal(spec->extra_ca, "/etc/sluice/ca.pem");
    assert_true(spec->inspect_when_needed);
    assert_int_equal(spec->settings.hold_ms, 20000);
    assert_true(spec->settings.agent_proposals);
    assert_true(spec->settings.resolve_denied);
    assert_string_equal(spec->log_level, "debug");
    assert_true(spec->log_json);
    assert_int_equal(spec->n_hidden, 2);
    assert_string_equal(spec->hidden[1], "/run/sluice/sluice.sock");
}

static void comes_back_as_it_was(void **state)
{
    struct sandbox_spec spec;
    struct error err;
    struct arena *arena = arena_new();
    char *text = sandbox_spec_encode(&sample);
    (void)state;
    assert_int_equal(sandbox_spec_decode(text, strlen(text), arena, &spec, &err), 0);
    free(text);
    check_sample(&spec);
    arena_free(arena);
}

static void a_file_is_private_and_comes_back(void **state)
{
    char folder[] = "/tmp/sluice-spec-XXXXXX", path[64];
    struct sandbox_spec spec;
    struct stat st;
    struct error err;
    struct arena *arena = arena_new();
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/spec.json", folder);
    for (int again = 0; again < 2; again++)
        assert_int_equal(sandbox_spec_write(&sample, path, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(sandbox_spec_read(path, arena, &spec, &err), 0);
    check_sample(&spec);
    arena_free(arena);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);             /* nothing else was left there */
}

/* What an earlier gateway left open it wrote as null; what a later one adds is not understood. */
static void specs_of_other_versions(void **state)
{
    struct sandbox_spec spec;
    struct error err;
    struct arena *arena = arena_new();
    char *text = sandbox_spec_encode(&sample), other[4096];
    (void)state;
    snprintf(other, sizeof other, "%.*s,\"cgroups\":null}", (int)strlen(text) - 1, text);
    assert_int_equal(sandbox_spec_decode(other, strlen(other), arena, &spec, &err), 0);
    assert_null(spec.cgroups);
    check_sample(&spec);
    snprintf(other, sizeof other, "%.*s,\"colour\":\"red\"}", (int)strlen(text) - 1, text);
    assert_int_equal(sandbox_spec_decode(other, strlen(other), arena, &spec, &err), -1);
    assert_non_null(strstr(
        err.text, "gateway and supervisor differ in version: colour: a spec has no such field"));
    free(text);
    arena_free(arena);
}

static void a_bad_spec_is_refused_by_name(void **state)
{
    static const struct { const char *text, *error;
    } cases[] = {
        {"", "not valid JSON: a value is missing at the end"},
        {"[]", "gateway and supervisor differ in version: must be a map of the fields of a spec, "
               "not a list"},
        {"{\"id\":1}", "gateway and supervisor differ in version: the field \"name\" is missing"},
        {"{}", "gateway and supervisor differ in version: the field \"id\" is missing"},
        {"{\"id\":\"a\",\"id\":\"b\"}", "id: this key is written twice, first at line 1"},
    };
    struct sandbox_spec spec;
    struct error err;
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            sandbox_spec_decode(cases[i].text, strlen(cases[i].text), arena, &spec, &err), -1);
        assert_string_equal(err.text, cases[i].error);
    }
    assert_int_equal(sandbox_spec_read("/nonexistent/spec", arena, &spec, &err), -1);
    assert_string_equal(err.text, "cannot read /nonexistent/spec: No such file or directory");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(a_file_is_private_and_comes_back),
        cmocka_unit_test(specs_of_other_versions),
        cmocka_unit_test(a_bad_spec_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
