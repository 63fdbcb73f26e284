/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of -o jsonpath=. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cli/output/jsonpath.h"

static const char document[] =
    "{\"things\":[{\"name\":\"a\",\"n\":1,\"on\":true,\"labels\":{\"x.y\":\"z\"},\"in\":[7,8]},"
    "{\"name\":\"b\",\"n\":2.5,\"on\":false,\"none\":null},{\"name\":\"c\",\"n\":3}],"
    "\"total\":3,\"more\":{\"text\":\"t\\u001b[31m\\nu\"}}";

static const struct {
    const char *text, *printed;
} good[] = {
    {"{.total}", "3"},
    {"{ .total }", "3"},
    {"{$.total}", "3"},
    {".total", "3"},
    {"{total}", "3"},
    {"{.things[0].name}", "a"},
    {"{.things[-1].name}", "c"},
    {"{.things[9].name}", ""},
    {"{.things[*].name}", "a b c"},
    {"{.things.*.name}", "a b c"},
    {"{.items[*].name}", "a b c"},
    {"{.things[1:].name}", "b c"},
    {"{.things[:2].name}", "a b"},
    {"{.things[0:2].n}", "1 2.5"},
    {"{.things[-2:].name}", "b c"},
    {"{.things[0].labels.x\\.y}", "z"},
    {"{.things[0].labels['x.y']}", "z"},
    {"{.things[0]['name']}", "a"},
    {"{.things[0].on} {.things[1].none}{.nothing}!", "true !"},
    {"{.things[0].in}", "[7,8]"},
    {"{.things[0].in[1]}", "8"},
    {"{.things[0].labels}", "{\"x.y\":\"z\"}"},
    {"{.things[?(@.name==\"b\")].n}", "2.5"},
    {"{.things[?(@.name!='b')].n}", "1 3"},
    {"{.things[?(@.n==1.0)].name}", "a"},
    {"{.things[?(@.on == true)].name}", "a"},
    {"{.things[?(@.labels)].name}", "a"},
    {"{range .things[*]}{.name}={.n}{\"\\n\"}{end}", "a=1\nb=2.5\nc=3\n"},
    {"{range .things[0:1]}{range .in[*]}<{@}>{end}{.name}{$.total}{end}.", "<7><8>a3."},
    {"{range .items[*]}[{.name}]{'\\t'}{end}", "[a]\t[b]\t[c]\t"},
    {"names: {.things[*].name}.", "names: a b c."},
    {"{.more.text}", "t\\x1b[31m\\x0au"},
    {"{.things.name}", ""},
};

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "an expression is missing"},
    {"{.a", "} is missing"},
    {"{.a[}", "[ takes a number, *, 'name' or ?(...)"},
    {"{.a[1}", "] is missing"},
    {"{.a['b]}", "a text without its closing quote"},
    {"{..a}", "'..' is not known here"},
    {"{range .a[*]}{.b}", "{range ...} without {end}"},
    {"{end}", "{end} without {range ...}"},
    {"{range .a}{end}{end}", "{end} without {range ...}"},
    {"{.a[?(@.b<1)]}", "a filter ends with )]"},
    {"{.a[?(.b==1)]}", "a filter begins with @"},
    {"{.a[?(@.b==)]}", "a text in quotes, a number, true or false is missing"},
    {"{.a | length}", "} is missing, or this is not known here at character 5, '| length}'"},
    {"{.a", "} is missing, or this is not known here at its end"},
    {".a[", "[ takes a number, *, 'name' or ?(...) at its end"},
    {".a[x]", "[ takes a number, *, 'name' or ?(...) at character 4, 'x]'"},
};

static void templates_print_what_kubectl_prints(void **state)
{
    (void)state;
    json_t *json = json_loads(document, 0, NULL);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct error err;
        struct buf out = {0};
        struct jsonpath *path = jsonpath_parse(good[i].text, &err);
        if (!path)
            fail_msg("%s: %s", good[i].text, err.text);
        jsonpath_print(path, json, &out);
        if (strcmp(buf_str(&out), good[i].printed) != 0)
            fail_msg("%s printed '%s'", good[i].text, buf_str(&out));
        jsonpath_free(path);
        buf_free(&out);
    }
    json_decref(json);
}

static void what_is_no_template_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err;
        assert_null(jsonpath_parse(bad[i].text, &err));
        if (!strstr(err.text, bad[i].why))
            fail_msg("%s: %s", bad[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_print_what_kubectl_prints),
        cmocka_unit_test(what_is_no_template_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
