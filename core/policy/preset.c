/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/preset.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *protocol, *access, *methods[7];
} presets[] = {
    {"rest", "read-only", {"GET", "HEAD", "OPTIONS"}},
    {"rest", "read-write", {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"}},
    {"rest", "full", {"*"}},
    {"websocket", "read-only", {"GET"}},
    {"websocket", "read-write", {"GET", "WEBSOCKET_TEXT"}},
    {"websocket", "full", {"*"}},
};

const char *const *policy_preset(const char *protocol, const char *access)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].protocol, protocol) == 0 && strcmp(presets[i].access, access) == 0)
            return presets[i].methods;
    return NULL;
}
