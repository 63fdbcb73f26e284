/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the console, which are the same for everybody. */
#include "api/routes.h"
#include "console/console.h"

void handle_console(struct api *api, struct http_request *req)
{
    const char *file = http_request_param(req, "file");
    (void)api;
    console_answer(req, file ? file : "");
}

void handle_console_redirect(struct api *api, struct http_request *req)
{
    (void)api;
    console_redirect(req);
}
