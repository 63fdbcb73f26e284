/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/live.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct auth_live {
    pthread_mutex_t lock;
    struct auth_live_token *tokens;
    size_t n;
};

struct auth_live *auth_live_new(void)
{
    struct auth_live *live = alloc_zero(1, sizeof *live);
    pthread_mutex_init(&live->lock, NULL);
    return live;
}

void auth_live_free(struct auth_live *live)
{
    if (!live)
        return;
    pthread_mutex_destroy(&live->lock);
    free(live->tokens);
    free(live);
}

void auth_live_add(struct auth_live *live, const struct auth_live_token *token)
{
    pthread_mutex_lock(&live->lock);
    live->tokens = alloc_resize(live->tokens, live->n + 1, sizeof *live->tokens);
    live->tokens[live->n++] = *token;
    pthread_mutex_unlock(&live->lock);
}

void auth_live_remove(struct auth_live *live, const char *id)
{
    pthread_mutex_lock(&live->lock);
    for (size_t i = live->n; i-- > 0;)
        if (strcmp(live->tokens[i].id, id) == 0)
            live->tokens[i] = live->tokens[--live->n];
    pthread_mutex_unlock(&live->lock);
}

void auth_live_set(struct auth_live *live, const struct auth_live_token *tokens, size_t n)
{
    pthread_mutex_lock(&live->lock);
    live->tokens = alloc_resize(live->tokens, n + 1, sizeof *live->tokens);
    live->n = n;
    for (size_t i = 0; i < n; i++)
        live->tokens[i] = tokens[i];
    pthread_mutex_unlock(&live->lock);
}

/* Every entry is compared, so that the time tells nothing of which one it was. */
bool auth_live_find(struct auth_live *live, const char *sha256, int64_t now_ms,
                    struct auth_live_token *out)
{
    bool found = false;
    if (!live)
        return false;
    pthread_mutex_lock(&live->lock);
    for (size_t i = 0; i < live->n; i++)
        if (CRYPTO_memcmp(live->tokens[i].sha256, sha256, DIGEST_HEX_SIZE) == 0) {
            *out = live->tokens[i];
            found = !out->expires_at_ms || out->expires_at_ms > now_ms;
        }
    pthread_mutex_unlock(&live->lock);
    return found;
}
