/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin schema: the JSON Schema of case files. */
#include "chain/chain.h"
#include "cli/plugin/plugin.h"
#include "cli/policy/schema.h"
#include "policy/policy.h"
#include "testkit/tables.h"

static json_t *property(const json_t *object, const char *name)
{
    return json_object_get(json_object_get(object, "properties"), name);
}

static void describe_as(json_t *field, json_t *what)
{
    json_object_update(field, what);
    json_decref(what);
}

/* A policy, or the name of a file that has it. */
static json_t *policy_or_file(void)
{
    return json_pack("[{s:s}, {s:s, s:[s], s:b, s:{s:{s:s}}}]", "$ref", "#/$defs/policy", "type",
                     "object", "required", "file", "additionalProperties", 0, "properties", "file",
                     "type", "string");
}

static void describe_kind(json_t *field)
{
    json_t *words = json_array();
    for (int k = 0; k < SLUICE_KIND_COUNT; k++)
        json_array_append_new(words, json_string(chain_kind_word((enum sluice_kind)k)));
    describe_as(field, json_pack("{s:[{s:O}, {s:s, s:i, s:b, s:{s:o}}]}", "anyOf", "enum", words,
                                 "type", "array", "minItems", 1, "uniqueItems", 1, "items", "enum",
                                 words));
}

/* Of the policies that a case names, and one that it writes. */
static void describe_policies(json_t *object)
{
    static const char *const names[] = {"baseline", "current", "candidate"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *ways = policy_or_file();
        json_array_append_new(ways, json_pack("{s:s}", "type", "string"));
        describe_as(property(object, names[i]), json_pack("{s:o}", "anyOf", ways));
    }
}

/* The rows of a table have what the case leaves to them. */
static void describe_case(json_t *item)
{
    json_t *properties = json_object_get(item, "properties");
    describe_kind(property(item, "kind"));
    describe_policies(item);
    describe_as(property(item, "options"), json_pack("{s:s}", "type", "object"));
    json_t *row = json_deep_copy(item);
    json_object_del(row, "required");
    json_object_del(properties, "row");
    json_object_set_new(properties, "table",
                        json_pack("{s:s, s:s, s:o}", "type", "array", "description",
                                  "The case again for each row, with the members of the row in "
                                  "place of its own.",
                                  "items", row));
    json_object_set_new(item, "required", json_pack("[s]", "name"));
}

int cmd_plugin_schema(struct cli *cli)
{
    json_t *file = schema_for_editors(&case_file_schema);
    describe_case(json_object_get(property(file, "cases"), "items"));
    describe_as(property(file, "options"), json_pack("{s:s}", "type", "object"));
    describe_as(property(file, "policies"),
                json_pack("{s:s, s:{s:o}}", "type", "object", "additionalProperties", "anyOf",
                          policy_or_file()));
    json_object_set_new(file, "$defs",
                        json_pack("{s:o}", "policy", schema_for_editors(&policy_schema)));
    print_schema(cli, "Test cases of sluice plugin test", file);
    return EXIT_DONE;
}
