/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy explain and policy schema: the fields of a policy, from the tables that read it. */
#include "cli/policy/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "cli/cli.h"
#include "doc/explain.h"
#include "doc/jansson.h"
#include "policy/policy.h"

static json_t *describe(const struct schema *schema)
{
    struct doc_jansson_writer writer;
    schema_describe(schema, doc_jansson_writer(&writer));
    return doc_jansson_writer_end(&writer);
}

/* The JSON Schema of a place: of a field, its part of the table that has it. */
static json_t *describe_place(const struct schema_place *place)
{
    json_t *whole = describe(place->schema);
    if (!place->field)
        return whole;
    json_t *alternatives = json_object_get(whole, "anyOf");     /* a short form, and the map */
    json_t *map = alternatives ? json_array_get(alternatives, 1) : whole;
    json_t *part = json_object_get(json_object_get(map, "properties"), place->field->name);
    json_incref(part);
    json_decref(whole);
    return part;
}

/* The type, or one of these too. */
static void add_types(json_t *schema, const char *one, const char *two)
{
    json_t *types = json_array();
    json_array_append(types, json_object_get(schema, "type"));
    json_array_append_new(types, json_string(one));
    if (two)
        json_array_append_new(types, json_string(two));
    json_object_set_new(schema, "type", types);
}

static bool has_type(const json_t *schema, const char *type)
{
    return strcmp(json_text(schema, "type"), type) == 0;
}

/* What a policy in YAML may have beside what JSON would: scalars have the type that the table
 * wants, so that 1000 and no are texts; an empty text is none, also where it would have to be one
 * of several words; and so is nothing at all in place of a list or of a map by names. */
static void fit_yaml_here(json_t *schema)
{
    json_t *words = json_object_get(schema, "enum");
    if (has_type(schema, "string") && words && !json_object_get(schema, "minLength"))
        json_array_append_new(words, json_string(""));
    else if (has_type(schema, "string") && !words)
        add_types(schema, "number", "boolean");
    else if (has_type(schema, "array") && !json_object_get(schema, "minItems"))
        add_types(schema, "null", NULL);
    else if (has_type(schema, "object") && json_object_get(schema, "additionalProperties") &&
             json_object_get(schema, "propertyNames") && !json_object_get(schema, "minProperties"))
        add_types(schema, "null", NULL);
}

static void fit_yaml(json_t *schema)
{
    const char *key;
    json_t *value, *item;
    size_t i;
    fit_yaml_here(schema);
    json_object_foreach(schema, key, value) {
        if (json_is_object(value) && strcmp(key, "propertyNames") != 0)
            fit_yaml(value);
        json_array_foreach(json_is_array(value) ? value : NULL, i, item)
            if (json_is_object(item))
                fit_yaml(item);
    }
}

json_t *schema_for_editors(const struct schema *schema)
{
    json_t *json = describe(schema);
    fit_yaml(json);
    return json;
}

void print_schema(const struct cli *cli, const char *title, json_t *described)
{
    json_t *schema = json_pack("{s:s, s:s}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title", title);
    json_object_update(schema, described);
    json_decref(described);
    print_json(cli, schema);
    json_decref(schema);
}

int cmd_policy_schema(struct cli *cli)
{
    print_schema(cli, "Policy of a sluice sandbox", schema_for_editors(&policy_schema));
    return EXIT_DONE;
}

int cmd_policy_explain(struct cli *cli)
{
    struct schema_place place;
    struct error err;
    const char *path = cli->n_operands ? cli->operands[0] : "";
    if (schema_find(&policy_schema, path, &place, &err) != 0) {
        complain("%s", err.text);
        return EXIT_REFUSED;
    }
    if (cli->output != OUT_TABLE) {
        json_t *part = describe_place(&place);
        print_json(cli, part);
        json_decref(part);
        return EXIT_DONE;
    }
    struct buf text = {0};
    schema_explain(&place, &text);
    terminal_lines(stdout, "", buf_str(&text));
    buf_free(&text);
    return EXIT_DONE;
}
