/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a token server by sluice-fetch, a process for each request.  One without a body is a GET.
 * Blocks: worker threads. */
#ifndef SECRET_FETCH_H
#define SECRET_FETCH_H

#include "secret/oauth.h"

/* The status of the answer, whose body is added to answer; -1 with err.  program: the path of
 * sluice-fetch. */
int fetch_token(const char *program, const struct oauth_request *request, struct buf *answer,
                struct error *err);

#endif
