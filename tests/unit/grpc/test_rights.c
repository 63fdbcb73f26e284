/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call what: the golden list of methods with the permission of each.
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
            buf_printf(out, "%s/%s %s\n", service->service, service->items[k].name,
                       permission_of(&service->items[k]));
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

#define MODE "proposal_approval_mode"

/* The work of UpdateConfig on a request that is given as JSON.  Returns what is wrong. */
static enum error_kind update_config_as(enum auth_role role, const char *request)
{
    struct error err;
    struct problems problems = {0};
    struct doc_node *tree;
    struct grpc grpc = {0};
    struct grpc_work work = {.grpc = &grpc, .arena = arena_new(),
                             .who = {.kind = AUTH_BY_TOKEN, .powers = auth_role_powers(role)}};
    const struct grpc_method *method =
        grpc_find_method(&grpc_all_services, "/" OPENSHELL_SERVICE "/UpdateConfig", &err);
    assert_int_equal(doc_parse_own(request, strlen(request), 100, work.arena, &tree, &problems), 0);
    work.request = tree;
    assert_int_equal(method->work(&work, NULL), -1);
    enum error_kind kind = work.err.kind;
    if (kind == ERROR_FORBIDDEN)
        assert_string_equal(work.err.text,
                            "only an admin may do this: the gateway's own user, root, or a token "
                            "of an admin");
    problems_free(&problems);
    arena_free(work.arena);
    return kind;
}

/* As PATCH of the sandbox does: who decides about policies may not let them be decided alone. */
static void settings_need_the_permission_that_they_need_in_the_api(void **state)
{
    (void)state;
    assert_int_equal(update_config_as(AUTH_APPROVER,
                                      "{\"sandbox\":\"demo\",\"setting_key\":\"" MODE "\","
                                      "\"setting_value\":{\"string_value\":\"auto\"}}"),
                     ERROR_FORBIDDEN);
    assert_int_equal(update_config_as(AUTH_ADMIN, "{\"setting_key\":\"" MODE "\"}"),
                     ERROR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_the_golden_list),
        cmocka_unit_test(settings_need_the_permission_that_they_need_in_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
