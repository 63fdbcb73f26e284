/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "cli/complete/parts.h"
#include "cli/gateway/book.h"
#include "cli/preset.h"

enum { LISTED = 100 };

/* Takes path.  NULL: no answer came. */
static json_t *ask(const struct typed *typed, char *path)
{
    struct reply reply;
    client_call(&typed->cli, &(struct call){.method = "GET", .path = path, .timeout_s = 2}, &reply);
    json_t *json = reply.status == 200 ? json_incref(reply.json) : NULL;
    reply_free(&reply);
    return json;
}

/* Bash puts a word on the command line as it is: one with $(...) or ; in it would run there. */
static bool is_plain(const char *word)
{
    return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "._@:/+-")] == '\0';
}

/* Offers the member of each item of a list, with others as its meaning.  Takes path. */
static void offer_list(struct typed *typed, char *path, const char *list, const char *member,
                       const char *const meanings[])
{
    json_t *json = ask(typed, path), *item;
    size_t i;
    json_array_foreach(json_object_get(json, list), i, item) {
        char meaning[256] = "";
        size_t len = 0;
        for (size_t m = 0; meanings[m] && len < sizeof meaning; m++) {
            const char *text = json_text(item, meanings[m]);
            long long number = json_number(item, meanings[m]);
            if (*text)
                len += (size_t)snprintf(meaning + len, sizeof meaning - len, "%s%.80s",
                                        len ? " " : "", text);
            else if (number)
                len += (size_t)snprintf(meaning + len, sizeof meaning - len, ":%lld", number);
        }
        char number[24];
        snprintf(number, sizeof number, "%lld", json_number(item, member));
        const char *word = *json_text(item, member) ? json_text(item, member) : number;
        if (is_plain(word))
            offer(typed, word, meaning);
    }
    json_decref(json);
}

void offer_sandboxes(struct typed *typed)
{
    offer_list(typed, alloc_str("/v1/sandboxes"), "sandboxes", "name",
               (const char *const[]){"phase", NULL});
}

/* Of the sandbox that is named, or that was used last.  NULL: there is none. */
static char *of_sandbox(struct typed *typed, const char *rest)
{
    const char *name = sandbox_operand(&typed->cli, 0);
    char *escaped = name ? url_escape(name) : NULL;
    char *path = escaped ? alloc_printf("/v1/sandboxes/%s%s", escaped, rest) : NULL;
    typed->cli.named = NULL;                        /* to look is no use of it */
    free(escaped);
    return path;
}

/* Those that the command can do something with. */
void offer_chunks(struct typed *typed)
{
    bool undoes = strcmp(typed->cli.command->verb, "undo") == 0;
    char *path = of_sandbox(typed, undoes ? "/drafts?status=approved" : "/drafts?status=pending");
    if (path)
        offer_list(typed, path, "chunks", "id",
                   (const char *const[]){"host", "port", "binary", NULL});
}

void offer_revisions(struct typed *typed)
{
    char rest[64];
    snprintf(rest, sizeof rest, "/revisions?limit=%d", LISTED);
    char *path = of_sandbox(typed, rest);
    if (path)
        offer_list(typed, path, "revisions", "revision",
                   (const char *const[]){"kind", "actor", "created_at", NULL});
}

void offer_decisions(struct typed *typed)
{
    offer_list(typed, alloc_printf("/v1/decisions?limit=%d", LISTED), "decisions", "id",
               (const char *const[]){"sandbox", "kind", "outcome", NULL});
}

void offer_providers(struct typed *typed)
{
    offer_list(typed, alloc_str("/v1/providers"), "providers", "name",
               (const char *const[]){"profile", NULL});
}

void offer_tokens(struct typed *typed)
{
    offer_list(typed, alloc_str("/v1/tokens"), "tokens", "name",
               (const char *const[]){"role", NULL});
}

void offer_gateways(struct typed *typed)
{
    struct book book;
    if (book_open(&book, false) < 0)
        for (size_t i = 0; i < book.n; i++)
            offer(typed, book.entries[i]->name, book.entries[i]->address);
    book_close(&book);
}

void offer_presets(struct typed *typed)
{
    struct arena *arena = arena_new();
    for (const char *const *name = preset_names(arena); *name; name++)
        offer(typed, *name, "");
    arena_free(arena);
}
