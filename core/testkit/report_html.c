/* SPDX-License-Identifier: Apache-2.0 */
/* A page for people: the tests, and what the cases cover of each voter, with the lines of a rule in
 * Lua.  It has no script and asks for nothing else. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/printable.h"
#include "testkit/file.h"
#include "testkit/report.h"

enum { SOURCE_BYTES_MAX = 1 << 20 };

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>sluice plugin test</title>\n<style>\n"
    ":root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }\n"
    "body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }\n"
    "table { border-collapse: collapse; } td, th { padding: .1rem .8rem .1rem 0; text-align: left; "
    "vertical-align: top; }\n"
    "pre, code, td.n { font-family: ui-monospace, monospace; font-size: 13px; }\n"
    "pre { overflow-x: auto; } pre span { display: block; white-space: pre; }\n"
    ".ran::before, .never::before, .none::before { content: attr(data-n); display: inline-block; "
    "width: 4em; padding-right: 1em; text-align: right; opacity: .6; }\n"
    ".ran { background: light-dark(#e2f5e5, #12301a); } "
    ".never { background: light-dark(#fbe1de, #4a1814); }\n"
    ".failed, .crashed { color: light-dark(#a1160a, #ff9b8f); }\n"
    "</style></head><body>\n<h1>sluice plugin test</h1>\n";

static void quote_part(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&':
            buf_puts(out, "&amp;");
            break;
        case '<':
            buf_puts(out, "&lt;");
            break;
        case '>':
            buf_puts(out, "&gt;");
            break;
        case '"':
            buf_puts(out, "&quot;");
            break;
        default:
            buf_putc(out, text[i]);
        }
    }
}

/* As a terminal would show it: what cannot be seen by its number. */
static void quote(struct buf *out, const char *text, size_t len)
{
    struct buf shown = {0};
    buf_puts(&shown, "");
    printable_escape(&shown, text, len, "\t");
    quote_part(out, buf_str(&shown), shown.len);
    buf_free(&shown);
}

static void quote_text(struct buf *out, const char *text)
{
    quote(out, text, strlen(text));
}

/* ---- tests ---- */

static void begin_html(struct report *r, const struct report_sum *sum)
{
    struct buf *out = alloc_zero(1, sizeof *out);
    (void)sum;
    r->state = out;
    buf_puts(out, head);
    buf_puts(out, "<h2>Tests</h2>\n<table>\n");
}

static void print_test(struct report *r, const struct report_test *t)
{
    struct buf *out = r->state;
    const char *word = result_word(t->result);
    buf_printf(out, "<tr><td class=\"%s\">%s</td><td>", word, word);
    quote_text(out, t->test->name);
    buf_puts(out, "</td><td><code>");
    quote_text(out, t->test->file->path);
    buf_printf(out, ":%u</code>", t->test->item->node->line);
    for (size_t i = 0; i < t->judgement->n; i++) {
        const struct mismatch *m = &t->judgement->items[i];
        buf_puts(out, "<br>");
        quote_text(out, m->what);
        buf_puts(out, ": wanted ");
        quote_text(out, m->wanted);
        buf_puts(out, ", got ");
        quote_text(out, m->got);
    }
    buf_puts(out, "</td></tr>\n");
}

/* ---- what they cover ---- */

static void print_names(struct buf *out, const char *what, const json_t *reached)
{
    const char *name;
    json_t *is;
    if (!json_object_size(reached))
        return;
    buf_printf(out, "<tr><th>%s</th><td>", what);
    json_object_foreach((json_t *)(uintptr_t)reached, name, is) {
        buf_printf(out, "<code class=\"%s\" data-n=\"%s\">", json_is_true(is) ? "ran" : "never",
                   json_is_true(is) ? "yes" : "never");
        quote_text(out, name);
        buf_puts(out, "</code><br>");
    }
    buf_puts(out, "</td></tr>\n");
}

static void print_line(struct buf *out, unsigned number, const char *text, size_t len,
                       const json_t *reached)
{
    char key[16];
    snprintf(key, sizeof key, "%u", number);
    const json_t *is = json_object_get(reached, key);
    buf_printf(out, "<span class=\"%s\" data-n=\"%u\">",
               !is ? "none" : json_is_true(is) ? "ran" : "never", number);
    quote(out, text, len);
    buf_puts(out, "</span>");
}

static void print_source(struct buf *out, const char *path, const json_t *reached)
{
    struct buf text = {0};
    struct error err;
    if (json_object_size(reached) && file_read(path, SOURCE_BYTES_MAX, &text, &err) == 0) {
        unsigned number = 1;
        buf_puts(out, "<pre tabindex=\"0\">");
        for (const char *at = buf_str(&text); *at; number++) {
            size_t len = strcspn(at, "\n");
            print_line(out, number, at, len, reached);
            at += len + (at[len] == '\n');
        }
        buf_puts(out, "</pre>\n");
    }
    buf_free(&text);
}

static void print_cover(struct buf *out, const struct cover *cover)
{
    const char *path;
    json_t *voter, *json = cover_json(cover);
    buf_printf(out, "<h2>Covered: %.1f %%</h2>\n", cover_percent(cover));
    json_object_foreach(json_object_get(json, "voters"), path, voter) {
        buf_puts(out, "<h3>");
        quote_text(out, answer_member(voter, "name"));
        buf_puts(out, "</h3>\n<p><code>");
        quote_text(out, path);
        buf_puts(out, "</code></p>\n<table>\n");
        print_names(out, "codes", json_object_get(voter, "codes"));
        print_names(out, "options", json_object_get(voter, "options"));
        buf_puts(out, "</table>\n");
        print_source(out, path, json_object_get(voter, "lines"));
    }
    json_decref(json);
}

static void end_html(struct report *r, const struct report_sum *sum)
{
    struct buf *out = r->state;
    buf_puts(out, "</table>\n<p>");
    for (int i = 0; i < RESULT_COUNT; i++)
        if (sum->counts[i])
            buf_printf(out, "%zu %s ", sum->counts[i], result_word((enum result)i));
    buf_puts(out, "</p>\n");
    if (sum->cover)
        print_cover(out, sum->cover);
    buf_puts(out, "</body></html>\n");
    fwrite(out->data, 1, out->len, r->to);
    buf_free(out);
    free(out);
    r->state = NULL;
}

const struct report_ops report_html = {"html", begin_html, print_test, end_html};
