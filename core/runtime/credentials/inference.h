/* SPDX-License-Identifier: Apache-2.0 */
/* Where calls of https://inference.local go: what the configuration says, with the keys of
 * providers.  Settings are copied; any thread. */
#ifndef RUNTIME_CREDENTIALS_INFERENCE_H
#define RUNTIME_CREDENTIALS_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/credentials/providers.h"
#include "sandbox/wire/protocol.h"

enum { INFERENCE_TIMEOUT_MS = 60000, INFERENCE_ROUTES_MAX = 8 };

/* "" or 0: the default, by the provider's profile. */
struct inference_setting {
    const char *provider;                           /* its name */
    const char *credential;                         /* which of its values is the key */
    const char *protocol;                           /* "openai" or "anthropic" */
    const char *base_url, *model;
    uint32_t timeout_ms;
};

struct inference_settings;

struct inference_settings *inference_settings_new(void);
void inference_settings_free(struct inference_settings *settings);  /* NULL is fine */
void inference_settings_set(struct inference_settings *settings,
                            const struct inference_setting *const *items, size_t n);
bool inference_settings_name(struct inference_settings *settings, const char *provider);
/* The routes that can be gone now, with their keys, in an arena to be freed by arena_wipe; the log
 * says which cannot.  Blocks. */
void inference_open(struct inference_settings *settings, const struct providers *providers,
                    const struct log *log, struct arena *arena, struct sandbox_inference **out,
                    size_t *n);

#endif
