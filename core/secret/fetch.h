/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a token server by sluice-fetch, a process for each request.  One without a body is a GET.
 * Blocks: worker threads. */
#ifndef SECRET_FETCH_H
#define SECRET_FETCH_H

#include <sys/types.h>

#include "secret/oauth.h"

/* The argument with which it takes one request after the other (fetch_main.c). */
#define FETCH_EACH "each"

/* The status of the answer, whose body is added to answer; -1 with err.  program: the path of
 * sluice-fetch. */
int fetch_token(const char *program, const struct oauth_request *request, struct buf *answer,
                struct error *err);

/* Starts the program with the socket, which stays the caller's, as its stdin and stdout.  mode: its
 * argument; NULL: none.  0, or an error number. */
int fetch_start(const char *program, const char *mode, int socket, pid_t *pid);
/* Writes all of a text.  -1: the process is gone. */
int fetch_write(int socket, const char *text, size_t len);

#endif
