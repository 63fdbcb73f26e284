/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/printable.h"
#include "base/text.h"
#include "doc/safe.h"
#include "doc/tree.h"

static size_t encode(unsigned c, char *out)
{
    if (c < 0x80)
        return (size_t)sprintf(out, "%c", (int)c);
    if (c < 0x800)
        return (size_t)sprintf(out, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
    if (c < 0x10000)
        return (size_t)sprintf(out, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 63)),
                               (int)(0x80 | (c & 63)));
    return (size_t)sprintf(out, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 63)),
                           (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
}

static void check_reading(const struct buf *document, const char *text)
{
    struct arena *arena = arena_new();
    struct doc_node *root;
    assert_int_equal(doc_parse_own(buf_str(document), document->len, SIZE_MAX, arena, &root, NULL),
                     0);
    assert_string_equal(root->text, text);
    assert_true(printable_text(buf_str(document)));
    arena_free(arena);
}

/* Every character: a text keeps its value in both forms, and every byte of them is printable. */
static void quoted_text_is_printable_and_keeps_its_value(void **state)
{
    (void)state;
    for (unsigned c = 1; c <= 0x10ffff;
         c += c < 0x3000 || (c & 0xfffe) > 0xfdc0 || c >> 12 == 0xe0 ? 1 : 97) {
        char text[16] = "<";
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        strcpy(text + 1 + encode(c, text + 1), ">");
        struct buf quoted = {0}, json = {0}, yaml = {0};
        text_json_quote(&quoted, text);
        printable_escape_json(&json, buf_str(&quoted));
        check_reading(&json, text);
        buf_clear(&json);
        doc_quote(text, DOC_JSON, &json);
        check_reading(&json, text);
        doc_quote(text, DOC_YAML, &yaml);
        assert_true(printable_text(buf_str(&yaml)));
        buf_free(&quoted);
        buf_free(&json);
        buf_free(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_text_is_printable_and_keeps_its_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
