/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the console, a web page for operators.  They are part of the program, the same for
 * everybody, and know nothing: what the page shows it asks the API for, as whoever reads it. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "http/request.h"

/* Answers with the file of that name, "" for the page itself; 404 where there is none. */
void console_answer(struct http_request *req, const char *name);
/* Sends those who left out the slash at the end to the page. */
void console_redirect(struct http_request *req);

#endif
