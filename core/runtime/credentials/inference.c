/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/credentials/inference.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct inference_settings {
    pthread_mutex_t lock;
    struct arena *arena;                            /* of what follows */
    struct inference_setting *items;
    size_t n;
};

struct inference_settings *inference_settings_new(void)
{
    struct inference_settings *s = alloc_zero(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->arena = arena_new();
    return s;
}

void inference_settings_free(struct inference_settings *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    arena_free(s->arena);
    free(s);
}

static const char *copy(struct arena *arena, const char *text)
{
    return arena_str(arena, text ? text : "");
}

static struct inference_setting copy_setting(const struct inference_setting *from,
                                             struct arena *arena)
{
    return (struct inference_setting){copy(arena, from->provider), copy(arena, from->credential),
                                      copy(arena, from->protocol), copy(arena, from->base_url),
                                      copy(arena, from->model), from->timeout_ms};
}

void inference_settings_set(struct inference_settings *s,
                            const struct inference_setting *const *items, size_t n)
{
    struct arena *arena = arena_new();
    struct inference_setting *copies = arena_zalloc(arena, (n + 1) * sizeof *copies);
    for (size_t i = 0; i < n; i++)
        copies[i] = copy_setting(items[i], arena);
    pthread_mutex_lock(&s->lock);
    struct arena *old = s->arena;
    s->arena = arena;
    s->items = copies;
    s->n = n;
    pthread_mutex_unlock(&s->lock);
    arena_free(old);
}

bool inference_settings_name(struct inference_settings *s, const char *provider)
{
    bool found = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n && !found; i++)
        found = strcmp(s->items[i].provider, provider) == 0;
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* ---- with a provider ---- */

static const struct {
    const char *profile, *protocol, *base_url;
} known[] = {{"openai", "openai", "https://api.openai.com/v1"},
             {"anthropic", "anthropic", "https://api.anthropic.com"}};

static void fill_in(struct inference_setting *s, const char *profile)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].profile, profile) == 0) {
            s->protocol = *s->protocol ? s->protocol : known[i].protocol;
            s->base_url = *s->base_url ? s->base_url : known[i].base_url;
        }
}

/* NULL: the error says that there is not exactly one. */
static const char *find_key(const struct inference_setting *s, const struct provider_facts *facts,
                            struct error *err)
{
    const char *name = *s->credential ? s->credential : NULL;
    if (!name && facts->n_credentials == 1)
        name = facts->credentials[0].name;
    for (size_t i = 0; name && i < facts->n_credentials; i++)
        if (strcmp(facts->credentials[i].name, name) == 0)
            return name;
    error_set(err, ERROR_INVALID, name ? "it has no credential %s"
              : "it has several credentials: say which is the key with `credential`", name);
    return NULL;
}

static int open_one(struct inference_setting *s, const struct providers *p, struct arena *arena,
                    struct sandbox_inference *out, struct error *err)
{
    struct provider_facts facts;
    const char *name, *key;
    if (providers_get(p, s->provider, arena, &facts, err) != 0)
        return -1;
    fill_in(s, facts.provider.profile);
    if (!*s->protocol || !*s->base_url)
        return error_set(err, ERROR_INVALID, "its profile %s says neither the protocol nor the "
                         "base_url of its server: say both", facts.provider.profile);
    if (!(name = find_key(s, &facts, err)) || !(key = providers_value(p, &facts, name, arena, err)))
        return -1;
    *out = (struct sandbox_inference){s->protocol, s->base_url, s->model, key,
                                      s->timeout_ms ? s->timeout_ms : INFERENCE_TIMEOUT_MS};
    return 0;
}

static struct inference_setting *copy_settings(struct inference_settings *s, struct arena *arena,
                                               size_t *n)
{
    pthread_mutex_lock(&s->lock);
    struct inference_setting *copies = arena_zalloc(arena, (s->n + 1) * sizeof *copies);
    for (*n = 0; *n < s->n; ++*n)
        copies[*n] = copy_setting(&s->items[*n], arena);
    pthread_mutex_unlock(&s->lock);
    return copies;
}

void inference_open(struct inference_settings *settings, const struct providers *providers,
                    const struct log *log, struct arena *arena, struct sandbox_inference **out,
                    size_t *n)
{
    size_t n_settings;
    struct inference_setting *copies = copy_settings(settings, arena, &n_settings);
    *out = arena_zalloc(arena, (n_settings + 1) * sizeof **out);
    *n = 0;
    for (size_t i = 0; i < n_settings; i++) {
        struct error err = {0};
        if (open_one(&copies[i], providers, arena, &(*out)[*n], &err) == 0)
            ++*n;
        else
            log_warn(log, "inference: the route of provider '%s' is left out: %s",
                     copies[i].provider, err.text);
    }
}
