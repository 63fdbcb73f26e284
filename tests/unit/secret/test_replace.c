/* SPDX-License-Identifier: Apache-2.0 */
/* Where placeholders are replaced, and where they are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "secret/placeholder.h"
#include "secret/replace.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PLACEHOLDER(name) SECRET_MARKER "s" DIGITS "_" name
#define TOKEN PLACEHOLDER("TOKEN")
/* In base64: "user:" TOKEN. */
#define BASIC \
    "dXNlcjpvcGVuc2hlbGw6cmVzb2x2ZTplbnY6czAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4" \
    "OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWZfVE9LRU4="

/* The same of ":" TOKEN, which does not fill the last group. */
#define ALL_BUT_LAST \
    "Om9wZW5zaGVsbDpyZXNvbHZlOmVudjpzMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJj" \
    "ZGVmMDEyMzQ1Njc4OWFiY2RlZl9UT0tFT"
#define UNPADDED ALL_BUT_LAST "g"
#define ODD_BITS ALL_BUT_LAST "h"

static const struct secret_credential items[] = {
    {"p", "generic", "TOKEN", DIGITS, "v/1 \"\\&"}, {"p", "generic", "TOKEN_2", DIGITS, "two"},
    {"p", "generic", "PLAIN", DIGITS, "plain-1"},   {"q", "generic", "AWAY", DIGITS, "elsewhere"},
    {"p", "generic", "DOTS", DIGITS, ".."},         {"p", "generic", "SEALED", DIGITS, ""},
    {"p", "aws", "AWS_SECRET_ACCESS_KEY", DIGITS, "key"},
    {"p", "aws", "AWS_SESSION_TOKEN", DIGITS, "session"},
};

static bool bound(void *ctx, const struct secret_credential *c)
{
    (void)ctx;
    return strcmp(c->provider, "p") == 0;
}

static int make(void **state)
{
    *state = secret_credentials_new(items, sizeof items / sizeof *items);
    return 0;
}

static int drop(void **state)
{
    secret_credentials_free(*state);
    return 0;
}

struct row {
    const char *text;
    enum secret_result result;
    const char *out;
};

typedef enum secret_result replacer(const struct secret_destination *to, const char *text,
                                    size_t len, struct buf *out);

static enum secret_result replace_field(const struct secret_destination *to, const char *text,
                                        size_t len, struct buf *out)
{
    (void)len;
    return secret_replace_field(to, text, out);
}

static void check_rows(void **state, replacer *replace, const struct row *rows, size_t n)
{
    const struct secret_destination to = {*state, bound, NULL};
    for (size_t i = 0; i < n; i++) {
        struct buf out = {0};
        buf_puts(&out, "before");
        enum secret_result result = replace(&to, rows[i].text, strlen(rows[i].text), &out);
        if (result != rows[i].result)
            fail_msg("%s: %d, not %d", rows[i].text, result, rows[i].result);
        assert_memory_equal(out.data, "before", 6);
        assert_string_equal(out.data + 6, rows[i].out ? rows[i].out : "");
        buf_free(&out);
    }
}
#define CHECK(state, replace, rows) check_rows(state, replace, rows, sizeof rows / sizeof *rows)

static void fields(void **state)
{
    static const struct row rows[] = {
        {"text/plain", SECRET_NONE, NULL},
        {TOKEN, SECRET_REPLACED, "v/1 \"\\&"},
        {PLACEHOLDER("TOKEN_2"), SECRET_REPLACED, "two"},
        {"Bearer " TOKEN, SECRET_REPLACED, "Bearer v/1 \"\\&"},
        {"Basic " BASIC, SECRET_REPLACED, "Basic dXNlcjp2LzEgIlwm"},
        {"basic " BASIC, SECRET_REPLACED, "basic dXNlcjp2LzEgIlwm"},
        {"Bearer " BASIC, SECRET_MISPLACED, NULL},
        {"Basic !" BASIC, SECRET_MISPLACED, NULL},
        {"Basic " BASIC "=", SECRET_MISPLACED, NULL},
        {"Basic " UNPADDED "==", SECRET_REPLACED, "Basic OnYvMSAiXCY="},
        {"Basic " UNPADDED, SECRET_REPLACED, "Basic OnYvMSAiXCY="},
        {"Basic " ODD_BITS "==", SECRET_MISPLACED, NULL},
        {"a=b; c=" TOKEN, SECRET_MISPLACED, NULL},
        {"x" TOKEN, SECRET_MISPLACED, NULL},
        {TOKEN " ", SECRET_MISPLACED, NULL},
        {TOKEN ", " TOKEN, SECRET_MISPLACED, NULL},
        {"a b " TOKEN, SECRET_MISPLACED, NULL},
        {TOKEN "X", SECRET_UNKNOWN, NULL},
        {PLACEHOLDER("AWAY"), SECRET_UNBOUND, NULL},
        {"Bearer " PLACEHOLDER("AWAY"), SECRET_UNBOUND, NULL},
        {PLACEHOLDER("NONE"), SECRET_UNKNOWN, NULL},
        {PLACEHOLDER("SEALED"), SECRET_UNKNOWN, NULL},
        {SECRET_MARKER "TOKEN", SECRET_UNKNOWN, NULL},
        {SECRET_MARKER "v1_TOKEN", SECRET_UNKNOWN, NULL},
        {SECRET_MARKER, SECRET_UNKNOWN, NULL},
        {"sk-" SECRET_ALIAS "TOKEN", SECRET_MISPLACED, NULL},
        {"openshell%3Aresolve%3Aenv%3A", SECRET_MISPLACED, NULL},
        {"openshell%253aresolve%253aenv%253a", SECRET_MISPLACED, NULL},
    };
    CHECK(state, replace_field, rows);
}

static void paths(void **state)
{
    static const struct row rows[] = {
        {"/a/b", SECRET_NONE, NULL},
        {"/bot" PLACEHOLDER("PLAIN") "/send", SECRET_REPLACED, "/botplain-1/send"},
        {"/%6fpenshell%3Aresolve%3aenv:s" DIGITS "%5FPLAIN", SECRET_REPLACED, "/plain-1"},
        {"/a%2Fb/" PLACEHOLDER("PLAIN") "/%6f", SECRET_REPLACED, "/a%2Fb/plain-1/%6f"},
        {"/" TOKEN, SECRET_UNFIT, NULL},
        {"/" PLACEHOLDER("DOTS") "/x", SECRET_UNFIT, NULL},
        {"/" PLACEHOLDER("AWAY"), SECRET_UNBOUND, NULL},
        {"/" PLACEHOLDER("PLAIN") "/" PLACEHOLDER("NONE"), SECRET_UNKNOWN, NULL},
        {"/" SECRET_ALIAS "PLAIN", SECRET_MISPLACED, NULL},
        {"/openshell%253Aresolve%253Aenv%253A", SECRET_MISPLACED, NULL},
        {"/" BASIC, SECRET_MISPLACED, NULL},
    };
    CHECK(state, secret_replace_path, rows);
}

static void queries_and_forms(void **state)
{
    static const struct row rows[] = {
        {"a=b&c", SECRET_NONE, NULL},
        {"a=b&key=" TOKEN "&c=%20", SECRET_REPLACED, "a=b&key=v%2F1%20%22%5C%26&c=%20"},
        {"key=openshell%3Aresolve%3Aenv%3As" DIGITS "_PLAIN", SECRET_REPLACED, "key=plain-1"},
        {"key=x-" PLACEHOLDER("PLAIN") "-y", SECRET_REPLACED, "key=x-plain-1-y"},
        {TOKEN, SECRET_MISPLACED, NULL},
        {TOKEN "=1", SECRET_MISPLACED, NULL},
        {"openshell%3Aresolve%3Aenv%3As" DIGITS "_PLAIN=1", SECRET_MISPLACED, NULL},
        {"a=1&b=" PLACEHOLDER("AWAY"), SECRET_UNBOUND, NULL},
        {"a=" BASIC, SECRET_MISPLACED, NULL},
        {"a=1;key=" TOKEN ";c", SECRET_REPLACED, "a=1;key=v%2F1%20%22%5C%26;c"},
        {"a=1;" TOKEN "=1", SECRET_MISPLACED, NULL},
        {"a=1;" TOKEN, SECRET_MISPLACED, NULL},
    };
    CHECK(state, secret_replace_query, rows);
}

static void json(void **state)
{
    static const struct row rows[] = {
        {"{\"a\": \"b\"}", SECRET_NONE, NULL},
        {"{\"a\": \"x " TOKEN "\", \"b\": [\"\\\"\", \"" PLACEHOLDER("PLAIN") "\"]}",
         SECRET_REPLACED, "{\"a\": \"x v/1 \\\"\\\\&\", \"b\": [\"\\\"\", \"plain-1\"]}"},
        {"{\"" TOKEN "\" : 1}", SECRET_MISPLACED, NULL},
        {"{" TOKEN "}", SECRET_MISPLACED, NULL},
        {"{\"a\": \"" TOKEN, SECRET_MISPLACED, NULL},
        {"{\"a\": \"" PLACEHOLDER("AWAY") "\"}", SECRET_UNBOUND, NULL},
        {"{\"a\": \"" BASIC "\"}", SECRET_MISPLACED, NULL},
    };
    CHECK(state, secret_replace_json, rows);
}

static void texts(void **state)
{
    static const struct row rows[] = {
        {"hello", SECRET_NONE, NULL},
        {TOKEN " and " TOKEN, SECRET_REPLACED, "v/1 \"\\& and v/1 \"\\&"},
        {PLACEHOLDER("PLAIN") " " PLACEHOLDER("AWAY"), SECRET_UNBOUND, NULL},
    };
    CHECK(state, secret_replace_text, rows);
}

/* Its hosts serve anybody's buckets and gateways, and no request has to have the key in it. */
static void the_key_of_signatures_stands_nowhere(void **state)
{
    static const struct row plain[] = {
        {PLACEHOLDER("AWS_SECRET_ACCESS_KEY"), SECRET_UNFIT, NULL},
        {"Bearer " PLACEHOLDER("AWS_SECRET_ACCESS_KEY"), SECRET_UNFIT, NULL},
        {PLACEHOLDER("AWS_SESSION_TOKEN"), SECRET_REPLACED, "session"},
    };
    static const struct row path[] = {
        {"/bucket/" PLACEHOLDER("AWS_SECRET_ACCESS_KEY"), SECRET_UNFIT, NULL}};
    static const struct row query[] = {
        {"k=" PLACEHOLDER("AWS_SECRET_ACCESS_KEY"), SECRET_UNFIT, NULL}};
    static const struct row body[] = {
        {"{\"k\":\"" PLACEHOLDER("AWS_SECRET_ACCESS_KEY") "\"}", SECRET_UNFIT, NULL}};
    CHECK(state, replace_field, plain);
    CHECK(state, secret_replace_path, path);
    CHECK(state, secret_replace_query, query);
    CHECK(state, secret_replace_json, body);
    CHECK(state, secret_replace_text, body);
}

static void without_credentials_every_placeholder_is_refused(void **state)
{
    void *none = NULL;
    static const struct row rows[] = {{"Bearer " TOKEN, SECRET_UNKNOWN, NULL}};
    (void)state;
    CHECK(&none, replace_field, rows);
}

static void logs_show_no_placeholder(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"/a/b", "/a/b"},
        {"/bot" TOKEN "/send", "/bot[CREDENTIAL]/send"},
        {TOKEN TOKEN, "[CREDENTIAL][CREDENTIAL]"},
        {"/" TOKEN "," TOKEN, "/[CREDENTIAL],[CREDENTIAL]"},
        {"/%6fpenshell%3Aresolve%3aenv:s" DIGITS "%5FPLAIN.x", "/[CREDENTIAL].x"},
        {"/" SECRET_MARKER "v1_KEY/", "/[CREDENTIAL]/"},
        {"/sk-" SECRET_ALIAS "KEY", "/sk-[CREDENTIAL]"},
        {"/openshell:resolve:", "/openshell:resolve:"},
        {"/o%", "/o%"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        secret_redact(rows[i].text, strlen(rows[i].text), &out);
        assert_string_equal(buf_str(&out), rows[i].shown);
        buf_free(&out);
    }
}

/* Of those only some bytes are looked at. */
static void long_texts_are_searched_like_short_ones(void **state)
{
    enum { LENGTH = 5000, PLACES = 60 };
    static const struct {
        const char *text;
        bool found;
    } rows[] = {
        {SECRET_MARKER, true},
        {SECRET_ALIAS, true},
        {"%6fpenshell:resolve%253Aenv:", true},
        {"b3BlbnNoZWxsOnJlc29sdmU6ZW52", true},
        {"9wZW5zaGVsbDpyZXNvbHZlOmVudj", true},
        {"vcGVuc2hlbGw6cmVzb2x2ZTplbnY6", true},
        {"T1BFTlNIRUxMLVJFU09MVkUtRU5W", true},
        {"9QRU5TSEVMTC1SRVNPTFZFLUVOVi", true},
        {"PUEVOU0hFTEwtUkVTT0xWRS1FTlYt", true},
        {"openshell:resolve:env;", false},
        {"%6openshell:resolve%253env:", false},
        {"PUEVOU0hFTEwtUkVTT0xWRS1FTlYT", false},
    };
    char text[LENGTH];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t place = 0; place < 2 * PLACES; place++) {
            size_t len = strlen(rows[i].text);
            size_t at = place < PLACES ? place : LENGTH - len - (place - PLACES);
            memset(text, "oX%:"[place % 4], LENGTH);
            memcpy(text + at, rows[i].text, len);
            if (secret_has_trace(text, LENGTH) != rows[i].found)
                fail_msg("%s at %zu", rows[i].text, at);
        }
}

static void rules_are_about_every_sandboxs_placeholder(void **state)
{
#define ANY "????????????????????????????????????????????????????????????????"
    static const struct {
        const char *path, *pattern;
    } rows[] = {
        {"/a/b", "/a/b"},
        {"/bot" TOKEN "/send", "/bot" SECRET_MARKER "s" ANY "_TOKEN/send"},
        {TOKEN TOKEN, SECRET_MARKER "s" ANY "_TOKEN" SECRET_MARKER "s" ANY "_TOKEN"},
        {"/" SECRET_MARKER "v1_KEY/", "/" SECRET_MARKER "v1_KEY/"},
        {"/" SECRET_MARKER "s" DIGITS "0_KEY", "/" SECRET_MARKER "s" DIGITS "0_KEY"},
        {"/" SECRET_MARKER "s" DIGITS, "/" SECRET_MARKER "s" DIGITS},
        {"/" SECRET_MARKER, "/" SECRET_MARKER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        secret_generalise(rows[i].path, &out);
        assert_string_equal(buf_str(&out), rows[i].pattern);
        buf_free(&out);
    }
}

/* A few bytes of a program would be many of ours. */
static void what_grows_too_much_is_refused(void **state)
{
    enum { VALUE = 8192, MANY = 256 * 1024 / VALUE + 1 };
    static const struct {
        const char *begin, *one, *end;
        replacer *replace;
    } rows[] = {
        {"", TOKEN ",", "", secret_replace_text},
        {"/", TOKEN ",", "", secret_replace_path},
        {"", "a=" TOKEN "&", "", secret_replace_query},
        {"[", "\"" TOKEN "\",", "0]", secret_replace_json},
        {"[\"", TOKEN ",", "\"]", secret_replace_json},
    };
    char value[VALUE + 1];
    memset(value, 'v', VALUE);
    value[VALUE] = '\0';
    const struct secret_credential large = {"p", "generic", "TOKEN", DIGITS, value};
    struct secret_credentials *all = secret_credentials_new(&large, 1);
    const struct secret_destination to = {all, bound, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int n = MANY - 2; n <= MANY; n += 2) {
            struct buf text = {0}, out = {0};
            buf_puts(&text, rows[i].begin);
            for (int j = 0; j < n; j++)
                buf_puts(&text, rows[i].one);
            buf_puts(&text, rows[i].end);
            enum secret_result result = rows[i].replace(&to, text.data, text.len, &out);
            assert_int_equal(result, n < MANY ? SECRET_REPLACED : SECRET_LONG);
            assert_int_equal(out.len > 0, n < MANY);
            buf_free(&text);
            buf_free(&out);
        }
    secret_credentials_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(paths),
        cmocka_unit_test(queries_and_forms),
        cmocka_unit_test(json),
        cmocka_unit_test(texts),
        cmocka_unit_test(the_key_of_signatures_stands_nowhere),
        cmocka_unit_test(without_credentials_every_placeholder_is_refused),
        cmocka_unit_test(logs_show_no_placeholder),
        cmocka_unit_test(long_texts_are_searched_like_short_ones),
        cmocka_unit_test(rules_are_about_every_sandboxs_placeholder),
        cmocka_unit_test(what_grows_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
