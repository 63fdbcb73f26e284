/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is sent as one member of a request.  Problems are reported at their places in the
 * file. */
#include "cli/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "doc/jansson.h"
#include "policy/policy.h"

bool document_is_json(const char *path, const struct buf *text)
{
    size_t len = strlen(path);
    return (len > 5 && strcmp(path + len - 5, ".json") == 0) || (text->len && text->data[0] == '{');
}

void document_complain(const char *path, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        complain("%s:%u:%u: %s%s%s", path, p->line, p->column, p->path, *p->path ? ": " : "",
                 p->message);
    }
}

struct policy *policy_from_file(const char *path)
{
    struct buf text = {0};
    struct problems problems = {0};
    struct policy *policy = NULL;
    if (read_input(path, &text) < 0) {
        enum doc_format format = document_is_json(path, &text) ? DOC_JSON : DOC_YAML;
        policy = policy_parse(buf_str(&text), text.len, format, &problems);
    }
    document_complain(path, &problems);
    problems_free(&problems);
    buf_free(&text);
    return policy;
}

struct policy *policy_of_sandbox(const struct cli *cli, const char *name, int *code)
{
    struct policy *policy = NULL;
    struct reply reply;
    char *escaped = url_escape(name);
    struct call call = {.method = "GET",
                        .path = alloc_printf("/v1/sandboxes/%s/policy", escaped)};
    free(escaped);
    client_call(cli, &call, &reply);
    if (reply.status == 200) {
        char *text = json_dumps(json_object_get(reply.json, "policy"), JSON_COMPACT);
        policy = text ? policy_parse(text, strlen(text), DOC_JSON, NULL) : NULL;
        free(text);
        sandbox_answered(cli, reply.status);
        if (!policy)
            complain("the gateway's answer has no policy that this version can read");
        *code = EXIT_REFUSED;
    } else {
        *code = reply_failed(cli, &reply);
    }
    reply_free(&reply);
    return policy;
}

int document_read(const char *path, struct document *out)
{
    struct buf text = {0};
    struct problems problems = {0};
    *out = (struct document){.arena = arena_new()};
    int code = path ? read_input(path, &text) : -1;
    out->format = !path || document_is_json(path, &text) ? DOC_JSON : DOC_YAML;
    if (code < 0 && path &&
        doc_parse(buf_str(&text), text.len, out->format, text.len + 1, out->arena, &out->tree,
                  &problems) != 0) {
        document_complain(path, &problems);
        code = EXIT_REFUSED;
    }
    problems_free(&problems);
    buf_free(&text);
    return code;
}

void document_free(struct document *document)
{
    arena_free(document->arena);
}

const char *document_type(const struct document *file)
{
    return file->format == DOC_JSON ? "application/json" : "application/yaml";
}

void document_body(const struct document *file, const json_t *head, const char *member,
                   struct buf *out)
{
    struct doc_json_writer json;
    struct doc_yaml_writer yaml;
    bool is_json = file->format == DOC_JSON;
    struct doc_writer *w = is_json ? doc_json_writer(&json, out) : doc_yaml_writer(&yaml, out);
    const char *key;
    json_t *value;
    doc_write_open(w, DOC_MAP);
    json_object_foreach((json_t *)(uintptr_t)head, key, value) {
        doc_write_key(w, key);
        doc_write_jansson(w, value);
    }
    doc_write_key(w, member);
    if (file->tree)
        doc_write_tree(w, file->tree);
    doc_write_close(w, DOC_MAP);
    if (!is_json)
        doc_yaml_writer_end(&yaml);
}

/* A map in block style begins where its first key does: name says which of both is meant. */
static bool means_first_key(const struct doc_node *map, const char *name)
{
    return map->keys && map->n && map->keys[0]->line == map->line &&
           map->keys[0]->column == map->column && strcmp(map->keys[0]->text, name) == 0;
}

struct place {
    unsigned line, column;
    const char *name;                               /* the last component of the problem's path */
};

/* Two trees of the same shape: the node of twin at that place of the other tree. */
static const struct doc_node *find_twin(const struct doc_node *sent, const struct doc_node *twin,
                                        const struct place *place)
{
    const struct doc_node *found = NULL;
    if (sent->line == place->line && sent->column == place->column)
        return means_first_key(sent, place->name) && twin->keys ? twin->keys[0] : twin;
    for (size_t i = 0; i < sent->n && i < twin->n && !found; i++) {
        found = sent->keys && twin->keys ? find_twin(sent->keys[i], twin->keys[i], place) : NULL;
        if (!found)
            found = find_twin(sent->items[i], twin->items[i], place);
    }
    return found;
}

static void locate_problem(const struct document *file, const struct doc_node *sent,
                           const char *member, json_t *e)
{
    const char *path = json_text(e, "path"), *rest = path + strlen(member);
    if (strncmp(path, member, strlen(member)) != 0 || (*rest && *rest != '.' && *rest != '[')) {
        json_object_set_new(e, "line", json_integer(0));            /* not in a file */
        json_object_set_new(e, "column", json_integer(0));
        return;
    }
    const char *dot = strrchr(path, '.');
    const struct place at = {(unsigned)json_number(e, "line"), (unsigned)json_number(e, "column"),
                             dot ? dot + 1 : ""};
    const struct doc_node *place = find_twin(sent, file->tree, &at);
    if (!place)
        place = file->tree;
    json_object_set_new(e, "path", json_string(*rest == '.' ? rest + 1 : rest));
    json_object_set_new(e, "line", json_integer(place->line));
    json_object_set_new(e, "column", json_integer(place->column));
}

void document_locate(const struct document *file, const struct buf *body, const char *member,
                     const struct reply *reply)
{
    struct doc_node *sent;
    struct problems ignored = {0};
    size_t i;
    json_t *e, *errors = json_object_get(reply->json, "errors");
    if (file->tree && errors &&
        doc_parse(body->data, body->len, file->format, body->len + 1, file->arena, &sent,
                  &ignored) == 0)
        json_array_foreach(errors, i, e)
            locate_problem(file, doc_get(sent, member), member, e);
    problems_free(&ignored);
}
