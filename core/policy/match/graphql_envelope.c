/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"
#include "doc/tree.h"
#include "policy/match/calls.h"
#include "policy/match/graphql.h"
#include "policy/match/graphql_document.h"
#include "policy/match/http.h"
#include "policy/match/spelling.h"
#include "policy/match/target.h"

/* The members of an envelope; a GET has them as parameters. */
#define MEMBERS(X)                     \
    X(QUERY, "query")                  \
    X(OPERATION_NAME, "operationName") \
    X(VARIABLES, "variables")          \
    X(EXTENSIONS, "extensions")        \
    X(ID, "id")                        \
    X(DOCUMENT_ID, "documentId")       \
    X(QUERY_ID, "queryId")

enum member {
#define X(id, name) MEMBER_##id,
    MEMBERS(X)
#undef X
    MEMBER_COUNT
};

static const char *const members[MEMBER_COUNT + 1] = {
#define X(id, name) name,
    MEMBERS(X)
#undef X
};

struct envelope {
    const struct sluice_endpoint *endpoint;
    struct policy_calls *out;
    size_t room;                                    /* in out->items */
    const char *texts[MEMBER_COUNT];                /* "": not there */
    const char *hash;                               /* of extensions.persistedQuery; "": none */
};

/* ---- problems ---- */

/* The text that is shown is cut to a length that fits in a message. */
static bool reject(struct envelope *v, const char *before, const char *shown, const char *after)
{
    enum { TEXT_SHOWN = 100 };
    struct buf text = {0};
    if (v->out->problem)
        return false;
    buf_printf(&text, "GraphQL request rejected: %s", before);
    text_shorten(&text, shown, TEXT_SHOWN);
    buf_puts(&text, after);
    v->out->problem = arena_str(v->out->arena, text.data);
    buf_free(&text);
    return false;
}

static bool reject_because(struct envelope *v, const char *why)
{
    return reject(v, why, "", "");
}

static bool reject_json(struct envelope *v, const char *what, const struct problems *problems)
{
    static const char prefix[] = "not valid JSON: ";
    const struct problem *p = &problems->items[0];
    size_t skip = strncmp(p->message, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    return reject(v, arena_printf(v->out->arena, "%s is not valid JSON: line %u, column %u: ", what,
                                  p->line, p->column),
                  *p->path ? p->path : "", arena_printf(v->out->arena, "%s%s", *p->path ? ": " : "",
                                                        p->message + skip));
}

/* ---- names in other spellings ---- */

/* Whether some servers take the key for the name: they ignore case or space before it, or read
 * name[...] as name. */
static bool is_taken_for(const char *key, const char *name)
{
    key += strspn(key, " \t\r\n\v\f");
    for (; *key && *name; name++)
        if (policy_spelling_next(&key) != tolower((unsigned char)*name))
            return false;
    return !*name && (!*key || *key == '[');
}

/* The index of the name that the key is, -1: none.  False: it is one in another spelling. */
static bool find_name(struct envelope *v, const char *key, const char *const *names, int *out)
{
    *out = -1;
    for (int i = 0; names[i]; i++) {
        if (!policy_spelling_may_be(key, names[i]))
            continue;
        if (strcmp(key, names[i]) == 0)
            *out = i;
        else if (is_taken_for(key, names[i]))
            return reject(v, "\"", key, arena_printf(v->out->arena, "\" is another spelling of "
                                                     "\"%s\"", names[i]));
    }
    return true;
}

/* ---- what is asked for ---- */

static struct policy_call *add_call(struct envelope *v)
{
    struct policy_calls *out = v->out;
    out->items = arena_grow(out->arena, out->items, out->n, &v->room, sizeof *out->items);
    struct policy_call *call = &out->items[out->n++];
    *call = (struct policy_call){.type = "", .name = "", .method = "", .tool = ""};
    return call;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_registered(struct envelope *v, const struct sluice_persisted_query *entry)
{
    struct policy_call *call = add_call(v);
    const char **fields = arena_alloc(v->out->arena, (entry->n_fields + 1) * sizeof *fields);
    for (size_t i = 0; i < entry->n_fields; i++)
        fields[i] = arena_str(v->out->arena, entry->fields[i]);
    qsort(fields, entry->n_fields, sizeof *fields, by_text);
    call->type = arena_str(v->out->arena, entry->operation_type);
    call->name = arena_str(v->out->arena, entry->operation_name);
    call->fields = fields;
    call->n_fields = entry->n_fields;
}

static void add_persisted(struct envelope *v, const char *id)
{
    const struct sluice_endpoint *e = v->endpoint;
    bool may = strcmp(e->persisted_queries, "allow_registered") == 0;
    for (size_t i = 0; may && i < e->n_graphql_persisted_queries; i++)
        if (strcmp(e->graphql_persisted_queries[i]->id, id) == 0) {
            add_registered(v, e->graphql_persisted_queries[i]);
            return;
        }
    add_call(v)->refused = "GraphQL persisted query is not registered";
}

static bool add_document(struct envelope *v)
{
    struct graphql_operation operation;
    const char *why = graphql_document_read(v->texts[MEMBER_QUERY], v->texts[MEMBER_OPERATION_NAME],
                                            v->out->arena, &operation);
    if (why)
        return reject_because(v, why);
    struct policy_call *call = add_call(v);
    call->type = operation.type;
    call->name = operation.name;
    call->fields = operation.fields;
    call->n_fields = operation.n_fields;
    return true;
}

/* What a client sends to have its document stored under its hash. */
static bool is_hash_of(const char *hash, const char *document)
{
    char own[DIGEST_HEX_SIZE];
    digest_of(document, strlen(document), own);
    return strcasecmp(hash, own) == 0;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* A server may execute the document or what the identifier stands for: both have to be allowed,
 * unless the one is the other. */
static bool add_calls(struct envelope *v)
{
    static const enum member ids[] = {MEMBER_ID, MEMBER_DOCUMENT_ID, MEMBER_QUERY_ID};
    const char *document = v->texts[MEMBER_QUERY];
    size_t before = v->out->n;
    if (!is_blank(document) && !add_document(v))
        return false;
    if (*v->hash && (is_blank(document) || !is_hash_of(v->hash, document)))
        add_persisted(v, v->hash);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (*v->texts[ids[i]])
            add_persisted(v, v->texts[ids[i]]);
    return v->out->n > before ||
           reject_because(v, "GraphQL request has no query document or persisted query identifier");
}

static bool check_ids(struct envelope *v, const char *what)
{
    static const enum member ids[] = {MEMBER_ID, MEMBER_DOCUMENT_ID, MEMBER_QUERY_ID};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (!*v->texts[ids[i]])
            continue;
        if (first)
            return reject_because(v, arena_printf(v->out->arena,
                                                  "%s \"%s\" and \"%s\" must not be combined", what,
                                                  first, members[ids[i]]));
        first = members[ids[i]];
    }
    return true;
}

/* ---- JSON ---- */

static void begin_envelope(struct envelope *v)
{
    v->hash = "";
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        v->texts[i] = "";
}

/* null is as good as nothing. */
static bool read_text(struct envelope *v, const char *name, const struct doc_node *value,
                      const char **out)
{
    if (value->kind == DOC_NULL)
        return true;
    if (value->kind != DOC_SCALAR || value->literal)
        return reject(v, "\"", name, "\" must be a string");
    *out = value->text;
    return true;
}

static bool is_object(struct envelope *v, const char *name, const struct doc_node *value)
{
    return value->kind == DOC_MAP || value->kind == DOC_NULL ||
           reject(v, "\"", name, "\" must be an object");
}

static bool read_persisted(struct envelope *v, const struct doc_node *persisted)
{
    static const char *const names[] = {"sha256Hash", NULL};
    int name;
    if (!is_object(v, "persistedQuery", persisted))
        return false;
    for (size_t i = 0; i < persisted->n; i++)
        if (!find_name(v, persisted->keys[i]->text, names, &name) ||
            (name == 0 && !read_text(v, names[0], persisted->items[i], &v->hash)))
            return false;
    return true;
}

static bool read_extensions(struct envelope *v, const struct doc_node *extensions)
{
    static const char *const names[] = {"persistedQuery", NULL};
    int name;
    if (!is_object(v, "extensions", extensions))
        return false;
    for (size_t i = 0; i < extensions->n; i++)
        if (!find_name(v, extensions->keys[i]->text, names, &name) ||
            (name == 0 && !read_persisted(v, extensions->items[i])))
            return false;
    return true;
}

static bool read_member(struct envelope *v, int member, const struct doc_node *value)
{
    switch (member) {
    case -1:
    case MEMBER_VARIABLES:
        return true;
    case MEMBER_EXTENSIONS:
        return read_extensions(v, value);
    default:
        return read_text(v, members[member], value, &v->texts[member]);
    }
}

static bool read_object(struct envelope *v, const struct doc_node *object)
{
    int member;
    begin_envelope(v);
    for (size_t i = 0; i < object->n; i++)
        if (!find_name(v, object->keys[i]->text, members, &member) ||
            !read_member(v, member, object->items[i]))
            return false;
    return check_ids(v, "GraphQL members") && add_calls(v);
}

static bool read_batch(struct envelope *v, const struct doc_node *list)
{
    if (list->n == 0)
        return reject_because(v, "GraphQL batch request is empty");
    if (list->n > GRAPHQL_BATCH_MAX)
        return reject_because(v, "GraphQL batch request has more than 256 operations");
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->kind != DOC_MAP)
            return reject_because(v, "GraphQL batch item must be an object");
        if (!read_object(v, list->items[i]))
            return false;
    }
    return true;
}

/* NULL: it is rejected. */
static struct doc_node *parse_json(struct envelope *v, const char *what, const char *text,
                                   size_t len)
{
    struct problems problems = {0};
    struct doc_node *root = NULL;
    if (doc_parse(text, len, DOC_JSON, len, v->out->arena, &root, &problems) != 0)
        reject_json(v, what, &problems);
    problems_free(&problems);
    return root;
}

static void read_body(struct envelope *v, const char *body, size_t len)
{
    struct doc_node *root = len ? parse_json(v, "GraphQL request body", body, len) : NULL;
    if (!len)
        reject_because(v, "GraphQL POST body is empty");
    else if (root && root->kind == DOC_LIST)
        read_batch(v, root);
    else if (root && root->kind == DOC_MAP)
        read_object(v, root);
    else if (root)
        reject_because(v, "GraphQL JSON envelope must be an object or array");
}

/* ---- query strings ---- */

/* Some servers take a semicolon for the end of a parameter. */
static bool check_query(struct envelope *v, const char *query)
{
    return !strchr(query, ';') ||
           reject_because(v, "the query string has a ';', which has to be escaped");
}

/* A server may prefer what stands in the query string, or in the body read as a form, to the body
 * as JSON.  Malformed parameters are passed over. */
static bool has_no_member(struct envelope *v, const char *parameters, const char *where)
{
    struct policy_query q = {.rest = parameters};
    bool bad = false, fine = true;
    int member = -1;
    while (fine && (policy_query_next(&q, &bad) || bad)) {
        bad = false;
        fine = find_name(v, buf_str(&q.key), members, &member);
        if (member >= 0)
            fine = reject(v, "GraphQL POST must not have the parameter \"", members[member], where);
    }
    policy_query_free(&q);
    return fine;
}

static bool check_form(struct envelope *v, const char *body, size_t len)
{
    char *parameters = arena_strn(v->out->arena, body, len);
    for (char *p = parameters; (p = strchr(p, ';'));)
        *p = '&';
    return has_no_member(v, parameters, "\" in a form; send Content-Type: application/json");
}

static bool check_post(struct envelope *v, const struct policy_http_request *request,
                       const char *body, size_t len)
{
    return check_query(v, request->query) &&
           has_no_member(v, request->query, "\" in its query string") &&
           (!request->form || check_form(v, body, len));
}

static bool take_parameter(struct envelope *v, const struct policy_query *q,
                           bool seen[MEMBER_COUNT])
{
    int member;
    if (!find_name(v, buf_str(&q->key), members, &member))
        return false;
    if (member < 0)
        return true;
    if (seen[member])
        return reject(v, "GraphQL GET parameter \"", members[member],
                      "\" must not appear more than once");
    seen[member] = true;
    v->texts[member] = arena_str(v->out->arena, buf_str(&q->value));
    return true;
}

static bool read_parameters(struct envelope *v, const char *query)
{
    struct policy_query q = {.rest = query};
    bool bad = false, fine = check_query(v, query), seen[MEMBER_COUNT] = {false};
    while (fine && policy_query_next(&q, &bad))
        fine = take_parameter(v, &q, seen);
    policy_query_free(&q);
    return fine;
}

static void read_get(struct envelope *v, const char *query, size_t body_len)
{
    begin_envelope(v);
    if (body_len) {
        reject_because(v, "GraphQL GET must not have a body");
        return;
    }
    if (!read_parameters(v, query) || !check_ids(v, "GraphQL GET parameters"))
        return;
    const char *text = v->texts[MEMBER_EXTENSIONS];
    struct doc_node *extensions =
        *text ? parse_json(v, "GraphQL GET parameter \"extensions\"", text, strlen(text)) : NULL;
    if (extensions ? read_extensions(v, extensions) : !*text)
        add_calls(v);
}

void graphql_read_request(const struct sluice_endpoint *e,
                          const struct policy_http_request *request, const char *body, size_t len,
                          struct policy_calls *out)
{
    struct envelope v = {.endpoint = e, .out = out};
    if (strcmp(request->method, "GET") == 0)
        read_get(&v, request->query, len);
    else if (strcmp(request->method, "POST") != 0)
        reject(&v, "unsupported GraphQL HTTP method ", request->method, "");
    else if (check_post(&v, request, body, len))
        read_body(&v, body, len);
}

/* ---- WebSocket messages ---- */

static bool is_control(const char *type)
{
    static const char *const types[] = {"connection_init", "connection_terminate", "ping", "pong",
                                        "complete", "stop"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* The members that say what the message is. */
struct message {
    const char *type, *id;
    const struct doc_node *payload;
};

static bool read_fields(struct envelope *v, const struct doc_node *root, struct message *out)
{
    static const char *const names[] = {"type", "id", "payload", NULL};
    int name;
    for (size_t i = 0; i < root->n; i++) {
        const struct doc_node *value = root->items[i];
        if (!find_name(v, root->keys[i]->text, names, &name))
            return false;
        if (name == 2)
            out->payload = value;
        else if (name >= 0 && !read_text(v, names[name], value, name ? &out->id : &out->type))
            return false;
    }
    return true;
}

static bool read_operation(struct envelope *v, const struct message *message)
{
    if (!*message->id)
        return reject_because(v, "GraphQL WebSocket operation must have an id");
    if (!message->payload || message->payload->kind != DOC_MAP)
        return reject_because(v, "GraphQL WebSocket payload must be an object");
    return read_object(v, message->payload);
}

void graphql_read_message(const struct sluice_endpoint *e, const char *text, size_t len,
                          struct policy_calls *out)
{
    struct envelope v = {.endpoint = e, .out = out};
    struct message message = {"", "", NULL};
    struct doc_node *root = parse_json(&v, "GraphQL WebSocket message", text, len);
    if (!root)
        return;
    if (root->kind != DOC_MAP)
        reject_because(&v, "GraphQL WebSocket message must be an object");
    else if (!read_fields(&v, root, &message))
        return;
    else if (strcmp(message.type, "subscribe") == 0 || strcmp(message.type, "start") == 0)
        read_operation(&v, &message);
    else if (is_control(message.type))
        out->pass = true;
    else
        reject(&v, "unknown GraphQL WebSocket message type \"", message.type, "\"");
}
