/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/effect/effect_parts.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const unsigned char *bytes, size_t len)
{
    uint64_t hash = len, word = 0;
    for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = mix(hash, word);
    }
    word = 0;
    if (len)
        memcpy(&word, bytes, len);
    return mix(hash, word);
}

static void rehash(struct effect_interner *in)
{
    in->n_slots = in->n_slots ? in->n_slots * 2 : 64;
    in->slots = arena_zalloc(in->arena, in->n_slots * sizeof *in->slots);
    for (size_t i = 0; i < in->n; i++) {
        size_t at = in->keys[i].hash & (in->n_slots - 1);
        while (in->slots[at])
            at = (at + 1) & (in->n_slots - 1);
        in->slots[at] = (uint32_t)i + 1;
    }
}

uint32_t effect_intern(struct effect_interner *in, const void *bytes, size_t len)
{
    if (in->n * 2 >= in->n_slots)
        rehash(in);
    uint64_t hash = hash_of(bytes, len);
    size_t at = hash & (in->n_slots - 1);
    for (; in->slots[at]; at = (at + 1) & (in->n_slots - 1)) {
        const struct effect_key *key = &in->keys[in->slots[at] - 1];
        if (key->hash == hash && key->len == len && (!len || memcmp(key->bytes, bytes, len) == 0))
            return in->slots[at] - 1;
    }
    in->keys = arena_grow(in->arena, in->keys, in->n, &in->cap, sizeof *in->keys);
    char *copy = arena_alloc(in->arena, len + 1);
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    in->keys[in->n] = (struct effect_key){copy, len, hash};
    in->slots[at] = (uint32_t)++in->n;
    return (uint32_t)in->n - 1;
}
