/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/preset.h"

#include <stddef.h>
#include <string.h>

struct preset {
    const char *protocol, *access, *words[7];
};

static const struct preset methods[] = {
    {"rest", "read-only", {"GET", "HEAD", "OPTIONS"}},
    {"rest", "read-write", {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"}},
    {"rest", "full", {"*"}},
    {"websocket", "read-only", {"GET"}},
    {"websocket", "read-write", {"GET", "WEBSOCKET_TEXT"}},
    {"websocket", "full", {"*"}},
};

static const struct preset operations[] = {
    {"graphql", "read-only", {"query"}},
    {"graphql", "read-write", {"query", "mutation"}},
    {"graphql", "full", {"*"}},
};

static const char *const *find(const struct preset *presets, size_t n, const char *protocol,
                               const char *access)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(presets[i].protocol, protocol) == 0 && strcmp(presets[i].access, access) == 0)
            return presets[i].words;
    return NULL;
}

const char *const *policy_preset(const char *protocol, const char *access)
{
    return find(methods, sizeof methods / sizeof *methods, protocol, access);
}

const char *const *policy_preset_operations(const char *protocol, const char *access)
{
    return find(operations, sizeof operations / sizeof *operations, protocol, access);
}
