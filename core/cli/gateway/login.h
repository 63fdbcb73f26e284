/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of `sluice login`, a file for each gateway: $XDG_CONFIG_HOME/sluice/logins/, or that
 * in ~/.config.  A command that is given no token sends that of its gateway.  One thread. */
#ifndef CLI_GATEWAY_LOGIN_H
#define CLI_GATEWAY_LOGIN_H

#include "cli/cli.h"
#include "secret/issuer.h"

struct login {
    struct issuer_grant grant;
    char *issuer, *client_id, *token_url;
};

/* NULL: there is none for the gateway, or it cannot be used, which was said. */
struct login *login_load(const char *gateway);
/* An exit code after saying why not, or -1. */
int login_save(const char *gateway, const struct login *login);
/* False: there was none. */
bool login_remove(const char *gateway);
void login_free(struct login *login);               /* NULL is fine */

/* Gets a new token from the issuer where the last one expires soon.  Where that fails it stays: the
 * gateway says what to do. */
void login_renew(const char *gateway, struct login *login);

#endif
