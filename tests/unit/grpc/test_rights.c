/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what: the golden list of methods with the permission of each, and whether it is
 * judged for the sandbox that the message names.
 *
 * A method that is added or whose permission changes must be entered in
 * tests/fixtures/grpc/rights.txt; the failure prints the line that is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "grpc/grpc.h"
#include "grpc/work.h"
#include "support/store.h"

static const char *permission_of(const struct grpc_method *method)
{
    return method->permission == AUTH_ANYBODY ? "anybody"
                                              : auth_permission_word(method->permission);
}

static void put_rights(struct buf *out)
{
    for (size_t i = 0; i < grpc_all_services.n; i++) {
        const struct grpc_methods *service = grpc_all_services.items[i];
        for (size_t k = 0; k < service->n; k++)
            buf_printf(out, "%s/%s %s%s\n", service->service, service->items[k].name,
                       permission_of(&service->items[k]),
                       service->items[k].of_sandbox ? " of its sandbox" : "");
    }
}

static void read_golden(char *out, size_t size)
{
    FILE *file = fopen("tests/fixtures/grpc/rights.txt", "r");
    assert_non_null(file);
    size_t n = fread(out, 1, size - 1, file);
    out[n] = '\0';
    fclose(file);
}

static void rights_are_the_golden_list(void **state)
{
    char golden[16384], *save = NULL;
    struct buf now = {0};
    unsigned missing = 0;
    (void)state;
    put_rights(&now);
    size_t len = now.len;
    read_golden(golden, sizeof golden);
    for (char *line = strtok_r(now.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strstr(golden, line))
            continue;
        print_error("%s\n", line);
        missing++;
    }
    buf_free(&now);
    assert_int_equal(missing, 0);
    assert_int_equal(len, strlen(golden));          /* no method of the list is gone */
}

/* ---- which are about one sandbox ---- */

static const struct schema_field *find_field(const struct schema *schema, const char *name)
{
    for (const struct schema_field *f = schema ? schema->fields : NULL; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* In the message, or in the first one of its stream. */
static bool names_sandbox(const struct schema *request)
{
    static const char *const first[] = {"start", "init"};
    bool names = find_field(request, "sandbox") != NULL;
    for (size_t i = 0; !names && i < sizeof first / sizeof *first; i++) {
        const struct schema_field *inner = find_field(request, first[i]);
        names = inner && find_field(inner->sub, "sandbox");
    }
    return names;
}

static bool is_about_sandbox(const struct grpc_method *method)
{
    static const char *const by_name[] = {"GetSandbox", "StopSandbox", "StartSandbox",
                                          "DeleteSandbox", "GetSandboxConfig", "UpdateConfig",
                                          "RevokeSshSession"};
    char path[128];
    snprintf(path, sizeof path, "/" OPENSHELL_SERVICE "/%s", method->name);
    const struct openshell_method *found = openshell_find_method(path);
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (strcmp(method->name, by_name[i]) == 0)
            return true;
    return found && found->request && names_sandbox(found->request);
}

/* The rights of a person and of a token differ from sandbox to sandbox. */
static void what_names_a_sandbox_is_judged_for_that_one(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (size_t i = 0; i < grpc_all_services.n; i++) {
        const struct grpc_methods *service = grpc_all_services.items[i];
        for (size_t k = 0; k < service->n && strcmp(service->service, OPENSHELL_SERVICE) == 0; k++)
            if (is_about_sandbox(&service->items[k])) {
                seen++;
                if (!service->items[k].of_sandbox)
                    fail_msg("%s is judged without its sandbox", service->items[k].name);
            }
    }
    assert_in_range(seen, 25, 100);
}

/* ---- settings ---- */

#define MODE "proposal_approval_mode"
#define SET_MODE "{\"sandbox\":\"demo\",\"setting_key\":\"" MODE "\"}"

/* The work of UpdateConfig on a request that is given as JSON.  Returns what is wrong. */
static enum error_kind update_config_as(struct fixture *f, enum auth_role role, const char *only)
{
    struct problems problems = {0};
    struct doc_node *tree;
    struct grpc grpc = {.store = f->store};
    struct grpc_work work = {.grpc = &grpc, .arena = f->arena,
                             .who = {.kind = AUTH_BY_TOKEN, .powers = auth_role_powers(role)}};
    const struct grpc_method *method =
        grpc_find_method(&grpc_all_services, "/" OPENSHELL_SERVICE "/UpdateConfig", &f->err);
    snprintf(work.who.only, sizeof work.who.only, "%s", only);
    assert_int_equal(
        doc_parse_own(SET_MODE, strlen(SET_MODE), 100, work.arena, &tree, &problems), 0);
    work.request = tree;
    work.permission = method->permission;
    assert_int_equal(method->work(&work, NULL), -1);
    assert_true(work.judged);
    f->err = work.err;
    problems_free(&problems);
    return work.err.kind;
}

/* As PATCH of the sandbox does: who decides about policies may not let them be decided alone. */
static void settings_need_the_permission_that_they_need_in_the_api(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    assert_int_equal(update_config_as(f, AUTH_APPROVER, ""), ERROR_FORBIDDEN);
    assert_string_equal(f->err.text, "only an admin may do this: the gateway's own user, root, or "
                                     "a token of an admin");
    assert_int_equal(update_config_as(f, AUTH_ADMIN, ""), ERROR_MALFORMED);
    assert_string_equal(f->err.text, "setting_value is required");
    assert_int_equal(update_config_as(f, AUTH_ADMIN, "s1"), ERROR_MALFORMED);
    assert_int_equal(update_config_as(f, AUTH_ADMIN, "s2"), ERROR_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_the_golden_list),
        cmocka_unit_test(what_names_a_sandbox_is_judged_for_that_one),
        cmocka_unit_test_setup_teardown(settings_need_the_permission_that_they_need_in_the_api,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
