/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes documents of GraphQL.  Oracles: what is read has a type and fields that are names, sorted
 * and each once; white space and a comment around the document and another name of a lone operation
 * change nothing; the operation stands beside another one as it stood alone. */
#include "policy/match/graphql_document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void check_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (!*name || strspn(name, letters) != strlen(name) || (*name >= '0' && *name <= '9'))
        wrong("not a name", name);
}

static void check_operation(const struct graphql_operation *operation)
{
    if (strcmp(operation->type, "query") != 0 && strcmp(operation->type, "mutation") != 0 &&
        strcmp(operation->type, "subscription") != 0)
        wrong("not a type", operation->type);
    if (*operation->name)
        check_name(operation->name);
    for (size_t i = 0; i < operation->n_fields; i++) {
        check_name(operation->fields[i]);
        if (i && strcmp(operation->fields[i - 1], operation->fields[i]) >= 0)
            wrong("not sorted", operation->fields[i]);
    }
}

static void check_same(const struct graphql_operation *a, const struct graphql_operation *b,
                       const char *text)
{
    bool same = strcmp(a->type, b->type) == 0 && strcmp(a->name, b->name) == 0 &&
                a->n_fields == b->n_fields;
    for (size_t i = 0; same && i < a->n_fields; i++)
        same = strcmp(a->fields[i], b->fields[i]) == 0;
    if (!same)
        wrong("another operation", text);
}

/* The same operation out of the document with something around it. */
static void check_around(const char *before, const char *text, const char *after, const char *name,
                         const struct graphql_operation *expected, struct arena *arena)
{
    struct graphql_operation operation;
    char *around = alloc_printf("%s%s%s", before, text, after);
    const char *why = graphql_document_read(around, name, arena, &operation);
    if (why && !strstr(why, "more than 20000 tokens") && !strstr(why, "is defined twice"))
        wrong(why, around);
    if (!why)
        check_same(expected, &operation, around);
    free(around);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (text_utf8_valid((const char *)data, size) < size)
        return 0;
    struct arena *arena = arena_new();
    char *text = alloc_strn((const char *)data, size);
    struct graphql_operation operation;
    if (!graphql_document_read(text, "", arena, &operation)) {
        check_operation(&operation);
        check_around(" ,\n#\"{\n", text, "\xef\xbb\xbf\n# }", "", &operation, arena);
        if (*operation.name && !strstr(text, "Other"))      /* a fragment of it, too */
            check_around("mutation Other{other}", text, "\nfragment Other on O{other}",
                         operation.name, &operation, arena);
    }
    graphql_document_read(text, "A", arena, &operation);
    free(text);
    arena_free(arena);
    return 0;
}
