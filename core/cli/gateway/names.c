/* SPDX-License-Identifier: Apache-2.0 */
/* sluice gateway add, list, select and remove. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/connection/endpoint.h"
#include "cli/gateway/book.h"

/* What a file that can be read is called from everywhere; "" where none is given. */
static const char *absolute(const char *path, struct arena *arena)
{
    char *real = path ? realpath(path, NULL) : NULL;
    const char *copy = real ? arena_str(arena, real) : path ? path : "";
    free(real);
    return copy;
}

static int read_entry(struct cli *cli, struct arena *arena, struct book_entry *out)
{
    *out = (struct book_entry){.name = cli->operands[0], .address = cli->operands[1]};
    if (!book_name_is_good(out->name))
        return usage_error(cli, "a gateway's name is " BOOK_NAME_RULE ", not '%s'", out->name);
    cli->gateway = out->address;
    int code = endpoint_check(cli);
    if (code < 0)
        code = gateway_check_files(cli);
    out->ca = absolute(cli->ca, arena);
    out->cert = absolute(cli->cert, arena);
    out->key = absolute(cli->key, arena);
    return code;
}

static bool same(const struct book_entry *a, const struct book_entry *b)
{
    return strcmp(a->address, b->address) == 0 && strcmp(a->ca, b->ca) == 0 &&
           strcmp(a->cert, b->cert) == 0 && strcmp(a->key, b->key) == 0;
}

/* What it was told before is not lost unasked. */
static int check_taken(const struct cli *cli, const struct book_entry *known,
                       const struct book_entry *entry)
{
    if (!known || arg_given(cli, "replace") || same(known, entry))
        return -1;
    complain(
        "there is a gateway %s already, %s%s%s%s%s: --replace puts this one in its place, with "
        "what is given here alone",
        known->name, known->address, *known->ca ? " with the authority " : "", known->ca,
        *known->cert ? " and the certificate " : "", known->cert);
    return EXIT_REFUSED;
}

int cmd_gateway_add(struct cli *cli)
{
    struct book book;
    struct book_entry entry;
    if (cli->n_operands != 2)
        return usage_error(cli, "give a name and an address");
    int code = book_open(&book, true);
    if (code < 0)
        code = read_entry(cli, book.arena, &entry);
    const struct book_entry *known = code < 0 ? book_find(&book, entry.name) : NULL;
    if (code < 0)
        code = check_taken(cli, known, &entry);
    if (code < 0) {
        book_put(&book, &entry);
        code = book_save(&book);
        if (code == EXIT_DONE)
            say(cli, "✓ %s gateway %s: %s", known ? "Changed" : "Added", entry.name, entry.address);
    }
    book_close(&book);
    return code;
}

static json_t *entry_json(const struct book *book, const struct book_entry *e)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", e->name, "address", e->address, "ca",
                     e->ca, "cert", e->cert, "key", e->key, "selected",
                     strcmp(book->selected, e->name) == 0);
}

static void print_table(const struct cli *cli, const struct book *book)
{
    struct table t = {0};
    table_row(&t, 4, (const char *const[]){"NAME", "SELECTED", "ADDRESS", "CERTIFICATE"});
    for (size_t i = 0; i < book->n; i++) {
        const struct book_entry *e = book->entries[i];
        const char *chosen = strcmp(book->selected, e->name) == 0 ? "yes" : "";
        table_row(&t, 4, (const char *const[]){e->name, chosen, e->address, e->cert});
    }
    table_print(cli, &t);
}

static void print_list(const struct cli *cli, const struct book *book)
{
    json_t *list = json_array(), *whole = json_pack("{s:o}", "gateways", list);
    for (size_t i = 0; i < book->n; i++)
        json_array_append_new(list, entry_json(book, book->entries[i]));
    if (cli->output == OUT_TABLE)
        print_table(cli, book);
    else
        print_json(cli, whole);
    json_decref(whole);
}

int cmd_gateway_list(struct cli *cli)
{
    struct book book;
    int code = book_open(&book, false);
    if (code < 0) {
        print_list(cli, &book);
        code = EXIT_DONE;
    }
    book_close(&book);
    return code;
}

static int unknown(const struct cli *cli, const char *name)
{
    return usage_error(cli, "there is no gateway '%s': sluice gateway list shows those there are",
                       name);
}

int cmd_gateway_select(struct cli *cli)
{
    struct book book;
    const char *name = cli->n_operands ? cli->operands[0] : "";
    int code = book_open(&book, true);
    if (code < 0 && *name && !book_find(&book, name))
        code = unknown(cli, name);
    if (code < 0) {
        book.selected = name;
        code = book_save(&book);
        if (code == EXIT_DONE)
            say(cli, "✓ Commands ask %s", *name ? name : "the local gateway");
    }
    book_close(&book);
    return code;
}

int cmd_gateway_remove(struct cli *cli)
{
    struct book book;
    if (!cli->n_operands)
        return usage_error(cli, "which gateway? give its name");
    const char *name = cli->operands[0];
    int code = book_open(&book, true);
    if (code < 0 && !book_find(&book, name))
        code = unknown(cli, name);
    if (code < 0) {
        book_remove(&book, name);
        code = book_save(&book);
        if (code == EXIT_DONE)
            say(cli, "✓ Removed gateway %s", name);
    }
    book_close(&book);
    return code;
}
