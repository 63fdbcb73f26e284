/* SPDX-License-Identifier: Apache-2.0 */
/* Warns of values in --env that look like secrets: a sandbox could read them and send them on. */
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "secret/profile.h"

enum { SHORTEST = 8 };                              /* of a value that is worth keeping */

static bool name_is_of_secret(const char *name)
{
    static const char *const parts[] = {"TOKEN",    "SECRET",     "PASSWORD",   "PASSWD", "API_KEY",
                                        "APIKEY",   "ACCESS_KEY", "CREDENTIAL", "PRIVATE_KEY"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

/* How keys of well-known services begin. */
static bool value_is_of_secret(const char *value)
{
    static const char *const beginnings[] = {
        "ghp_",  "gho_",  "ghs_",  "ghu_",   "ghr_", "github_pat_", "sk-",    "npm_",
        "pypi-", "AKIA",  "ASIA",  "glpat-", "xoxb-", "xoxp-",      "AIza",   "hf_",
        "eyJ",   "-----BEGIN"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(value, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* The profile that has a variable of this name. */
static const char *profile_of(const char *name)
{
    const struct secret_profile *p;
    size_t i = 0;
    while ((p = secret_profile_at(i)) && !secret_profile_has_key(p, name))
        i++;
    return p ? p->name : "generic";
}

void warn_of_secrets(const struct cli *cli, json_t *env)
{
    const char *name;
    json_t *value;
    if (arg_given(cli, "no-credential-warnings"))
        return;
    json_object_foreach(env, name, value) {
        const char *text = json_string_value(value);
        if (strlen(text) >= SHORTEST && (name_is_of_secret(name) || value_is_of_secret(text)))
            say(cli,
                "warning: --env %s looks like a secret, which programs in the sandbox can read and "
                "send on; they cannot with `sluice provider create NAME --profile %s --from-env "
                "%s`",
                name, profile_of(name), name);
    }
}
