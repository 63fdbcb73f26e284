/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/auth: who a request comes from. */
#ifndef AUTH_IDENTIFY_H
#define AUTH_IDENTIFY_H

#include "auth/auth.h"

/* Later: too many wrong tokens came from there.  Refused: why says what is wrong with the token. */
enum auth_known { AUTH_UNKNOWN, AUTH_KNOWN, AUTH_LATER, AUTH_REFUSED };

/* The bearer token of a request, NULL: it has none. */
const char *auth_bearer(const struct http_request *req);
enum auth_known auth_identify(struct auth *auth, const struct http_request *req,
                              const struct auth_question *question, struct auth_principal *out,
                              struct error *why);

#endif
