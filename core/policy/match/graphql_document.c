/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/graphql_document.h"

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "doc/build.h"
#include "policy/match/graphql_token.h"

/* A name in the text. */
struct name {
    const char *at;
    size_t len;
};

/* A field or a fragment spread at the root of a definition. */
struct selection {
    struct name name;
    bool spread;
};

struct definition {
    const char *type;                               /* NULL: a fragment */
    struct name name;
    size_t first, n;                                /* its root selections */
    bool visited;
};

struct parser {
    struct graphql_lexer lexer;
    const char *text;
    struct arena *arena;
    const char *problem;                            /* NULL: none so far */
    unsigned depth;
    struct selection *selections;
    size_t n_selections, selections_room;
    struct definition *definitions;
    size_t n_definitions, definitions_room;
};

/* ---- problems and tokens ---- */

static bool fail_at(struct parser *p, const char *at, const char *what)
{
    struct doc_place place = doc_place_of(p->text, (size_t)(at - p->text));
    if (!p->problem)
        p->problem =
            arena_printf(p->arena, "GraphQL document parse error: %s at line %u, column %u", what,
                         place.line, place.column);
    return false;
}

/* At the present token. */
static bool fail(struct parser *p, const char *what)
{
    return fail_at(p, p->lexer.token, what);
}

static bool advance(struct parser *p)
{
    const char *why = graphql_next(&p->lexer);
    return why ? fail_at(p, p->lexer.at, why) : true;
}

static bool expect(struct parser *p, int kind, const char *what)
{
    return p->lexer.kind == kind ? advance(p) : fail(p, what);
}

static bool take_name(struct parser *p, const char *what, struct name *out)
{
    if (p->lexer.kind != GRAPHQL_NAME)
        return fail(p, what);
    *out = (struct name){p->lexer.token, p->lexer.len};
    return advance(p);
}

static bool enter(struct parser *p)
{
    return ++p->depth <= GRAPHQL_DEPTH_MAX ? true : fail(p, "nested more than 128 deep");
}

/* ---- values, arguments and directives ---- */

static bool parse_value(struct parser *p, bool constant);

static bool parse_list(struct parser *p, bool constant)
{
    if (!enter(p) || !advance(p))
        return false;
    while (p->lexer.kind != ']')
        if (!parse_value(p, constant))
            return false;
    p->depth--;
    return advance(p);
}

static bool parse_pair(struct parser *p, bool constant)
{
    struct name name;
    return take_name(p, "a name is expected", &name) && expect(p, ':', "':' is expected") &&
           parse_value(p, constant);
}

static bool parse_object(struct parser *p, bool constant)
{
    if (!enter(p) || !advance(p))
        return false;
    while (p->lexer.kind != '}')
        if (!parse_pair(p, constant))
            return false;
    p->depth--;
    return advance(p);
}

static bool parse_variable(struct parser *p)
{
    struct name name;
    return expect(p, '$', "a variable is expected") &&
           take_name(p, "the name of a variable is expected", &name);
}

static bool parse_value(struct parser *p, bool constant)
{
    switch (p->lexer.kind) {
    case GRAPHQL_NUMBER:
    case GRAPHQL_STRING:
    case GRAPHQL_NAME:
        return advance(p);
    case '$':
        return constant ? fail(p, "a variable stands where a constant is expected")
                        : parse_variable(p);
    case '[':
        return parse_list(p, constant);
    case '{':
        return parse_object(p, constant);
    default:
        return fail(p, "a value is expected");
    }
}

/* None, or at least one in parentheses. */
static bool parse_arguments(struct parser *p, bool constant)
{
    if (p->lexer.kind != '(')
        return true;
    if (!advance(p))
        return false;
    do
        if (!parse_pair(p, constant))
            return false;
    while (p->lexer.kind != ')');
    return advance(p);
}

static bool parse_directives(struct parser *p, bool constant)
{
    struct name name;
    while (p->lexer.kind == '@')
        if (!advance(p) || !take_name(p, "the name of a directive is expected", &name) ||
            !parse_arguments(p, constant))
            return false;
    return true;
}

/* ---- variables ---- */

static bool parse_type(struct parser *p)
{
    struct name name;
    if (p->lexer.kind == '[') {
        if (!enter(p) || !advance(p) || !parse_type(p) || !expect(p, ']', "']' is expected"))
            return false;
        p->depth--;
    } else if (!take_name(p, "a type is expected", &name)) {
        return false;
    }
    return p->lexer.kind == '!' ? advance(p) : true;
}

static bool parse_variable_definition(struct parser *p)
{
    if (!parse_variable(p) || !expect(p, ':', "':' is expected") || !parse_type(p))
        return false;
    if (p->lexer.kind == '=' && (!advance(p) || !parse_value(p, true)))
        return false;
    return parse_directives(p, true);
}

static bool parse_variable_definitions(struct parser *p)
{
    if (p->lexer.kind != '(')
        return true;
    if (!advance(p))
        return false;
    do
        if (!parse_variable_definition(p))
            return false;
    while (p->lexer.kind != ')');
    return advance(p);
}

/* ---- selections ---- */

static void add_selection(struct parser *p, struct name name, bool spread)
{
    p->selections = arena_grow(p->arena, p->selections, p->n_selections, &p->selections_room,
                               sizeof *p->selections);
    p->selections[p->n_selections++] = (struct selection){name, spread};
}

static bool parse_selections(struct parser *p, bool root);

static bool parse_field(struct parser *p, bool root)
{
    struct name name;
    if (!take_name(p, "a field is expected", &name))
        return false;
    if (p->lexer.kind == ':' &&                     /* that was its alias */
        (!advance(p) || !take_name(p, "a field is expected", &name)))
        return false;
    if (root)
        add_selection(p, name, false);
    if (!parse_arguments(p, false) || !parse_directives(p, false))
        return false;
    return p->lexer.kind == '{' ? parse_selections(p, false) : true;
}

static bool parse_type_condition(struct parser *p)
{
    struct name name;
    return advance(p) && take_name(p, "a type is expected", &name);
}

static bool parse_spread(struct parser *p, bool root)
{
    struct name name;
    if (!advance(p))
        return false;
    if (p->lexer.kind == GRAPHQL_NAME && !graphql_is_word(&p->lexer, "on")) {
        if (!take_name(p, "a fragment is expected", &name))
            return false;
        if (root)
            add_selection(p, name, true);
        return parse_directives(p, false);
    }
    if (graphql_is_word(&p->lexer, "on") && !parse_type_condition(p))
        return false;
    return parse_directives(p, false) && parse_selections(p, root);
}

/* At least one, in braces.  root: at the root of a definition. */
static bool parse_selections(struct parser *p, bool root)
{
    if (!enter(p) || !expect(p, '{', "'{' is expected"))
        return false;
    do
        if (!(p->lexer.kind == GRAPHQL_SPREAD ? parse_spread(p, root) : parse_field(p, root)))
            return false;
    while (p->lexer.kind != '}');
    p->depth--;
    return advance(p);
}

/* ---- definitions ---- */

static bool parse_body(struct parser *p, const char *type, struct name name)
{
    struct definition d = {.type = type, .name = name, .first = p->n_selections};
    if (!parse_directives(p, false))
        return false;
    if (type && p->lexer.kind != '{' && !p->problem)
        p->problem = "GraphQL operation has no selection set";
    if (p->problem || !parse_selections(p, true))
        return false;
    d.n = p->n_selections - d.first;
    p->definitions = arena_grow(p->arena, p->definitions, p->n_definitions, &p->definitions_room,
                                sizeof *p->definitions);
    p->definitions[p->n_definitions++] = d;
    return true;
}

static bool parse_operation(struct parser *p, const char *type)
{
    struct name name = {"", 0};
    if (!advance(p))
        return false;
    if (p->lexer.kind == GRAPHQL_NAME && !take_name(p, "", &name))
        return false;
    return parse_variable_definitions(p) && parse_body(p, type, name);
}

static bool parse_fragment(struct parser *p)
{
    struct name name;
    if (!advance(p))
        return false;
    if (graphql_is_word(&p->lexer, "on"))
        return fail(p, "a fragment cannot be named on");
    if (!take_name(p, "the name of a fragment is expected", &name))
        return false;
    if (!graphql_is_word(&p->lexer, "on"))
        return fail(p, "'on' and a type are expected");
    return parse_type_condition(p) && parse_body(p, NULL, name);
}

static bool parse_definition(struct parser *p)
{
    static const char *const types[] = {"query", "mutation", "subscription"};
    static const char *const others[] = {"schema", "scalar", "type", "interface", "union", "enum",
                                         "input", "directive", "extend"};
    if (p->lexer.kind == '{')
        return parse_body(p, types[0], (struct name){"", 0});
    if (graphql_is_word(&p->lexer, "fragment"))
        return parse_fragment(p);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (graphql_is_word(&p->lexer, types[i]))
            return parse_operation(p, types[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (graphql_is_word(&p->lexer, others[i]))
            return fail(p, "a definition of the type system is not executable");
    return fail(p, "an operation or a fragment is expected");
}

static bool parse_document(struct parser *p)
{
    if (!advance(p))
        return false;
    while (p->lexer.kind != GRAPHQL_END)
        if (!parse_definition(p))
            return false;
    return true;
}

/* ---- the operation that is asked for ---- */

static int compare_names(const struct name *a, const struct name *b)
{
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Fragments before operations, both by name. */
static int compare_definitions(const void *a, const void *b)
{
    const struct definition *x = a, *y = b;
    if (!x->type != !y->type)
        return x->type ? 1 : -1;
    return compare_names(&x->name, &y->name);
}

/* "KIND "NAME" REST", the name cut to a length that fits in a message. */
static const char *say_name(struct parser *p, const char *before, struct name name,
                            const char *after)
{
    enum { NAME_SHOWN = 100 };
    struct buf text = {0};
    char *whole = arena_strn(p->arena, name.at, name.len);
    buf_printf(&text, "GraphQL %s \"", before);
    text_shorten(&text, whole, NAME_SHOWN);
    buf_printf(&text, "\" %s", after);
    const char *kept = arena_str(p->arena, text.data);
    buf_free(&text);
    return kept;
}

/* Servers may take the first or the last of two definitions of one name.  Operations without a name
 * cannot be told apart either, but none of several is ever taken. */
static bool sort_definitions(struct parser *p)
{
    const struct definition *d = p->definitions;
    if (p->n_definitions > 1)
        qsort(p->definitions, p->n_definitions, sizeof *d, compare_definitions);
    for (size_t i = 1; i < p->n_definitions; i++)
        if (d[i].name.len && compare_definitions(&d[i - 1], &d[i]) == 0) {
            p->problem = say_name(p, d[i].type ? "operation" : "fragment", d[i].name,
                                  "is defined twice");
            return false;
        }
    return true;
}

static struct definition *find_operation(struct parser *p, const char *operation_name)
{
    const struct name name = {operation_name, strlen(operation_name)};
    struct definition *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < p->n_definitions; i++) {
        struct definition *d = &p->definitions[i];
        n += d->type != NULL;
        if (d->type && (!name.len || compare_names(&d->name, &name) == 0))
            found = d;
    }
    if (n == 0)
        p->problem = "GraphQL document contains no executable operation";
    else if (name.len && !found)
        p->problem = say_name(p, "operationName", name, "was not found");
    else if (!name.len && n > 1)
        p->problem = "GraphQL document has multiple operations but no operationName";
    return p->problem ? NULL : found;
}

/* ---- root fields ---- */

static struct definition *find_fragment(struct parser *p, struct name name)
{
    const struct definition wanted = {.name = name};
    return bsearch(&wanted, p->definitions, p->n_definitions, sizeof wanted, compare_definitions);
}

/* A name and its first eight bytes as a number in their order, as most names differ in those. */
struct field {
    uint64_t head;
    struct name name;
};

static struct field make_field(struct name name)
{
    struct field field = {0, name};
    memcpy(&field.head, name.at, name.len < sizeof field.head ? name.len : sizeof field.head);
    field.head = be64toh(field.head);
    return field;
}

static int compare_fields(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return compare_names(&x->name, &y->name);
}

/* The fields of the operation and of all fragments that it leads to, each fragment once; room for
 * all selections of the document. */
static size_t collect_fields(struct parser *p, struct definition *operation, struct field *out)
{
    struct definition **open =
        arena_alloc(p->arena, (p->n_definitions + 1) * sizeof(struct definition *));
    size_t n = 0, n_open = 0;
    open[n_open++] = operation;
    while (n_open > 0) {
        const struct definition *d = open[--n_open];
        for (size_t i = d->first; i < d->first + d->n; i++) {
            const struct selection *s = &p->selections[i];
            struct definition *fragment = s->spread ? find_fragment(p, s->name) : NULL;
            if (!s->spread && (n == 0 || compare_names(&out[n - 1].name, &s->name) != 0))
                out[n++] = make_field(s->name);
            if (!fragment || fragment->visited)
                continue;
            fragment->visited = true;
            open[n_open++] = fragment;
        }
    }
    return n;
}

static void read_fields(struct parser *p, struct definition *operation,
                        struct graphql_operation *out)
{
    struct field *found = arena_alloc(p->arena, (p->n_selections + 1) * sizeof *found);
    size_t n = collect_fields(p, operation, found);
    const char **fields = arena_alloc(p->arena, (n + 1) * sizeof *fields);
    if (n > 1)
        qsort(found, n, sizeof *found, compare_fields);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || compare_fields(&found[i - 1], &found[i]) != 0)
            fields[out->n_fields++] = arena_strn(p->arena, found[i].name.at, found[i].name.len);
    out->fields = fields;
}

const char *graphql_document_read(const char *text, const char *operation_name,
                                  struct arena *arena, struct graphql_operation *out)
{
    struct parser p = {.lexer = {.at = text}, .text = text, .arena = arena};
    struct definition *operation = NULL;
    if (parse_document(&p) && sort_definitions(&p))
        operation = find_operation(&p, operation_name);
    *out = (struct graphql_operation){.type = "", .name = ""};
    if (operation) {
        out->type = operation->type;
        out->name = arena_strn(arena, operation->name.at, operation->name.len);
        read_fields(&p, operation, out);
    }
    return p.problem;
}
