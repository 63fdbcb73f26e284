/* SPDX-License-Identifier: Apache-2.0 */
/* sluice login and logout. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/program.h"
#include "base/terminal.h"
#include "cli/gateway/login.h"

enum { INTERVAL_S = 5, INTERVAL_MAX_S = 60, CODE_S = 600 };

static int failed(const struct error *err)
{
    complain("cannot log in: %s", err->text);
    return EXIT_REFUSED;
}

/* What the gateway says of its issuer.  -1, or an exit code. */
static int ask_gateway(const struct cli *cli, json_t **config)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str("/auth/oidc-config")},
                &reply);
    int code = -1;
    if (reply.status == 404)
        complain("people do not log in to %s: ask an admin for a token (sluice token create)",
                 cli->gateway);
    if (reply.status != 200 || !reply.json)
        code = reply.status == 404 ? EXIT_REFUSED : reply_failed(cli, &reply);
    *config = code < 0 ? json_incref(reply.json) : NULL;
    reply_free(&reply);
    return code;
}

/* ---- the device's code (RFC 8628) ---- */

/* The code is for whoever asks for it: a person should know that before it is entered. */
static void show_code(const json_t *config, const json_t *answer)
{
    const char *whole = json_text(answer, "verification_uri_complete");
    terminal_print(stderr, "%s vouches for you, to the gateway's audience %s\n",
                   json_text(config, "issuer"), json_text(config, "audience"));
    terminal_print(stderr, "Open %s in a browser%s\nand enter the code %s\n",
                   json_text(answer, "verification_uri"), *whole ? "," : "",
                   json_text(answer, "user_code"));
    if (*whole)
        terminal_print(stderr, "or open %s\n", whole);
}

static long seconds(const json_t *answer, const char *key, long fallback, long max)
{
    const json_t *value = json_object_get(answer, key);
    double n = json_is_number(value) ? json_number_value(value) : (double)fallback;
    return n < 1 ? 1 : n > (double)max ? max : (long)n;
}

static bool is_word(const json_t *answer, const char *word)
{
    return strcmp(json_text(answer, "error"), word) == 0;
}

/* Asks at the issuer's pace until the person has decided. */
static int wait_for_person(const struct issuer *issuer, const json_t *device, struct login *login,
                           struct error *err)
{
    const char *const form[] = {"grant_type", "urn:ietf:params:oauth:grant-type:device_code",
                                "device_code", json_text(device, "device_code"),
                                "client_id", login->client_id, NULL};
    long pause = seconds(device, "interval", INTERVAL_S, INTERVAL_MAX_S);
    int64_t until = clock_boot_ms() + 1000 * seconds(device, "expires_in", CODE_S, 3600);
    while (clock_boot_ms() < until) {
        json_t *answer = NULL;
        poll(NULL, 0, (int)(1000 * pause));
        int status = issuer_post(issuer->fetcher, issuer->token_url, form, &answer, err);
        bool slower = status == 400 && is_word(answer, "slow_down");
        bool pending = slower || (status == 400 && is_word(answer, "authorization_pending"));
        int rc = status < 0 || pending ? -1 : issuer_take_token(status, answer, &login->grant, err);
        json_decref(answer);
        if (status < 0 || !pending)
            return rc;
        pause += slower ? 5 : 0;
    }
    return error_set(err, ERROR_TIMEOUT, "the code was not used in time: try again");
}

static int by_device(const struct issuer *issuer, const json_t *config, struct login *login,
                     struct error *err)
{
    const char *const form[] = {"client_id", login->client_id, "scope",
                                json_text(config, "scopes"), "audience",
                                json_text(config, "audience"), NULL};
    json_t *device = NULL;
    if (!issuer->device_url)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the issuer %.200s has no device authorization (RFC 8628): get a token "
                         "from it another way, and give it with --token or SLUICE_TOKEN",
                         login->issuer);
    int rc = issuer_post(issuer->fetcher, issuer->device_url, form, &device, err);
    if (rc >= 0 && (rc != 200 || !*json_text(device, "device_code") ||
                    !*json_text(device, "user_code") || !*json_text(device, "verification_uri")))
        rc = error_set(err, ERROR_UPSTREAM, "the issuer refuses to begin: %.80s%s%.200s",
                       *json_text(device, "error") ? json_text(device, "error") : "no reason given",
                       *json_text(device, "error_description") ? ": " : "",
                       json_text(device, "error_description"));
    if (rc >= 0) {
        show_code(config, device);
        rc = wait_for_person(issuer, device, login, err);
    }
    json_decref(device);
    return rc < 0 ? -1 : 0;
}

static int log_in(const json_t *config, struct login *login, struct error *err)
{
    struct issuer issuer;
    login->issuer = alloc_str(json_text(config, "issuer"));
    login->client_id = alloc_str(json_text(config, "client_id"));
    char *fetcher = program_beside("sluice-fetch");
    int rc = issuer_open(fetcher, login->issuer, &issuer, err);
    if (rc == 0) {
        login->token_url = alloc_str(issuer.token_url);
        rc = by_device(&issuer, config, login, err);
    }
    issuer_free(&issuer);
    free(fetcher);
    return rc;
}

/* ---- the commands ---- */

int cmd_login(struct cli *cli)
{
    json_t *config = NULL;
    struct error err;
    int code = ask_gateway(cli, &config);
    if (code >= 0)
        return code;
    struct login *login = alloc_zero(1, sizeof *login);
    code = log_in(config, login, &err) != 0 ? failed(&err) : login_save(cli->gateway, login);
    json_decref(config);
    if (code >= 0) {
        login_free(login);
        return code;
    }
    login_free(cli->login);
    cli->login = login;
    cli->token = NULL;
    say(cli, "✓ Logged in to %s", cli->gateway);
    return cmd_whoami(cli);
}

/* The gateway takes a token until it expires, as it does not ask the issuer about each. */
static void say_how_long(const struct cli *cli, const struct issuer_grant *grant)
{
    char text[CLOCK_TEXT_SIZE] = "it expires";
    if (grant->expires_ms)
        clock_format(grant->expires_ms, text);
    if (!grant->expires_ms || grant->expires_ms > clock_now_ms())
        say(cli, "whoever has a copy of the token may use it until %s", text);
}

int cmd_logout(struct cli *cli)
{
    struct error err;
    const struct login *login = cli->login;
    if (!login_remove(cli->gateway)) {
        say(cli, "nobody was logged in to %s", cli->gateway);
        return EXIT_DONE;
    }
    say(cli, "✓ Logged out of %s: the token is forgotten here", cli->gateway);
    if (!login)
        return EXIT_DONE;
    char *fetcher = program_beside("sluice-fetch");
    if (issuer_revoke(fetcher, login->issuer, login->client_id, &login->grant, &err) == 0)
        say(cli, "%s has revoked it, and gives no new one", login->issuer);
    else
        complain("%s has not revoked it: %s", login->issuer, err.text);
    free(fetcher);
    say_how_long(cli, &login->grant);
    return EXIT_DONE;
}
