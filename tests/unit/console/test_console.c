/* SPDX-License-Identifier: Apache-2.0 */
/* The console's files as they are served: whole, small, bound to their origin, and nothing else. */
#include "support/http.h"

#include "console/console.h"
#include "console/files.h"

static void serve(struct http_request *req, void *ctx)
{
    const char *file = http_request_param(req, "file");
    (void)ctx;
    console_answer(req, file ? file : "");
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/console/", .handler = serve},
    {.method = "GET", .pattern = "/console/{file}", .handler = serve},
};
static const struct http_router router = {routes, sizeof routes / sizeof *routes, NULL};

/* The answer to a GET of the path as text, which the caller frees. */
static char *get(struct fixture *f, const char *path, const char *fields)
{
    struct raw *raw = raw_new(f);
    char *request = alloc_printf(
        "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path, fields);
    raw_puts(raw, request);
    RUN_UNTIL(f, raw->eof);
    char *text = alloc_str(buf_str(&raw->got));
    raw_free(raw);
    free(request);
    return text;
}

static void each_file_is_bound_to_its_origin(void **state)
{
    static const char *const fields[] = {
        "default-src 'none'",
        "script-src 'self'; ",
        "style-src 'self'; ",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for",
        "X-Frame-Options: DENY",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Resource-Policy: same-origin",
    };
    struct fixture *f = fixture_new();
    (void)state;
    fixture_serve(f, NULL, &router, false);
    for (const struct embedded_file *file = console_files; file->name; file++) {
        char *path = alloc_printf("/console/%s", file->name), *text = get(f, path, "");
        assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            if (!strstr(text, fields[i]))
                fail_msg("%s comes without %s", file->name, fields[i]);
        assert_null(strstr(text, "unsafe-"));
        free(text);
        char *again = alloc_printf("If-None-Match: %s\r\n", file->etag);
        text = get(f, path, again);
        assert_non_null(strstr(text, "HTTP/1.1 304 Not Modified"));
        free(text);
        free(again);
        free(path);
    }
    fixture_free(f);
}

static void nothing_else_is_served(void **state)
{
    static const char *const paths[] = {
        "/console/../console/",
        "/console/..%2fconsole.c",
        "/console/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/console/page",
        "/console/style.css/",
        "/console/%2fetc%2fpasswd",
        "/console/INDEX.HTML",
        "/console/style.css%00",
        "/console//etc/passwd",
        "/console/..\\console.c",
        "/console/.",
    };
    struct fixture *f = fixture_new();
    (void)state;
    fixture_serve(f, NULL, &router, false);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *text = get(f, paths[i], "");
        if (strncmp(text, "HTTP/1.1 4", 10) != 0)
            fail_msg("%s got: %.60s", paths[i], text);
        free(text);
    }
    fixture_free(f);
}

/* What would need a weaker policy, reach another origin, or make markup of text. */
static void no_file_does_what_the_policy_forbids(void **state)
{
    static const char *const words[] = {
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
        "https://",  "//cdn",     "javascript:",        " style=\"",      " onclick=\"", "<style",
        "localStorage", "setAttribute(\"style\"",
    };
    (void)state;
    for (const struct embedded_file *file = console_files; file->name; file++) {
        char *text = alloc_strn((const char *)file->bytes, file->len);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strstr(text, words[i]))
                fail_msg("%s has %s", file->name, words[i]);
        free(text);
    }
}

static void all_files_are_small_together(void **state)
{
    size_t n = 0, bytes = 0;
    (void)state;
    for (const struct embedded_file *file = console_files; file->name; file++, n++)
        bytes += file->len;
    assert_true(n >= 8);
    assert_true(bytes <= 150 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_is_bound_to_its_origin),
        cmocka_unit_test(nothing_else_is_served),
        cmocka_unit_test(no_file_does_what_the_policy_forbids),
        cmocka_unit_test(all_files_are_small_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
