/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/profile.h"

#include <string.h>

#include "policy/match/match.h"

#define KEYS(...) (const char *const[]){__VA_ARGS__, NULL}
#define PLACES(...) (const struct secret_place[]){__VA_ARGS__, {NULL, 0}}

static const struct secret_profile profiles[] = {
    {"github", "a token for GitHub's API and for git over HTTPS", KEYS("GITHUB_TOKEN", "GH_TOKEN"),
     PLACES({"api.github.com", 443}, {"github.com", 443}, {"uploads.github.com", 443}), NULL},
    {"anthropic", "an API key of Anthropic", KEYS("ANTHROPIC_API_KEY"),
     PLACES({"api.anthropic.com", 443}), NULL},
    {"claude-code", "the same for Claude Code", KEYS("ANTHROPIC_API_KEY", "CLAUDE_API_KEY"),
     PLACES({"api.anthropic.com", 443}), NULL},
    {"openai", "an API key of OpenAI", KEYS("OPENAI_API_KEY"), PLACES({"api.openai.com", 443}),
     NULL},
    {"codex", "the same for Codex", KEYS("OPENAI_API_KEY"), PLACES({"api.openai.com", 443}), NULL},
    {"nvidia", "an API key of NVIDIA", KEYS("NVIDIA_API_KEY"),
     PLACES({"integrate.api.nvidia.com", 443}), NULL},
    {"npm", "a token for the npm registry", KEYS("NPM_TOKEN", "NODE_AUTH_TOKEN"),
     PLACES({"registry.npmjs.org", 443}), NULL},
    {"pypi", "a token for uploads to PyPI",
     KEYS("TWINE_PASSWORD", "UV_PUBLISH_TOKEN", "PYPI_TOKEN"),
     PLACES({"upload.pypi.org", 443}, {"pypi.org", 443}), NULL},
    {"aws", "keys of AWS",
     KEYS("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
     PLACES({"**.amazonaws.com", 443}, {"**.amazonaws.com.cn", 443}, {"**.api.aws", 443}),
     "AWS_SECRET_ACCESS_KEY"},
    {"generic", "any values, for endpoints of the policy with credential_binding", NULL, NULL,
     "AWS_SECRET_ACCESS_KEY"},
};

const struct secret_profile *secret_profile_at(size_t i)
{
    return i < sizeof profiles / sizeof *profiles ? &profiles[i] : NULL;
}

/* What clients of OpenShell call some of them too. */
static const char *const aliases[][2] = {{"claude", "claude-code"}, {"gh", "github"}};

const struct secret_profile *secret_profile_find(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(aliases[i][0], name) == 0)
            name = aliases[i][1];
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

bool secret_profile_has_key(const struct secret_profile *profile, const char *key)
{
    const char *const *at = profile->keys;
    while (at && *at && strcmp(*at, key) != 0)
        at++;
    return !at || *at;
}

bool secret_profile_signs_with(const struct secret_profile *profile, const char *key)
{
    return profile->signing_key && strcmp(profile->signing_key, key) == 0;
}

bool secret_profile_covers(const struct secret_profile *profile, const char *host, uint16_t port)
{
    for (const struct secret_place *p = profile->places; p && p->host; p++)
        if (p->port == port && policy_host_match(p->host, host))
            return true;
    return false;
}
