/* SPDX-License-Identifier: Apache-2.0 */
#include "console/console.h"

#include <string.h>

#include "console/files.h"

/* Only scripts, styles and answers from where the page came from, and no page around it.  Text
 * cannot become markup or script even by a fault of the page: it has no eval, no inline script and,
 * where browsers know trusted types, no innerHTML. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

static const char *const fields[][2] = {
    {"Content-Security-Policy", policy},
    {"X-Frame-Options", "DENY"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
};

static const char *const types[][2] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static const struct embedded_file *find(const char *name)
{
    const struct embedded_file *file = console_files;
    while (file->name && strcmp(file->name, *name ? name : "index.html") != 0)
        file++;
    return file->name ? file : NULL;
}

static void add_fields(struct http_request *req)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        http_header(req, fields[i][0], fields[i][1]);
}

void console_answer(struct http_request *req, const char *name)
{
    const struct embedded_file *file = find(name);
    const char *known = http_request_header(req, "If-None-Match");
    add_fields(req);
    if (!file) {
        http_respond_problem(req, 404, "not-found", NULL,
                             "the console has no such file: open /console/", NULL);
        return;
    }
    http_header(req, "ETag", file->etag);
    if (known && strcmp(known, file->etag) == 0)
        http_respond(req, 304, NULL, NULL, 0);
    else
        http_respond(req, 200, type_of(file->name), file->bytes, file->len);
}

void console_redirect(struct http_request *req)
{
    add_fields(req);
    http_header(req, "Location", "/console/");
    http_respond(req, 308, NULL, NULL, 0);
}
