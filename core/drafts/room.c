/* SPDX-License-Identifier: Apache-2.0 */
/* Refused requests have so many places in the queue, and the workload chooses what it is refused.
 * When all places are taken, a new chunk takes that of the program which has the most, and among
 * its chunks of the domain which has the most: the oldest one.  A chunk of that program and domain
 * itself is not made. Chunks that somebody has approved keep their place. */
#include <stdint.h>
#include <string.h>

#include "drafts/drafts_parts.h"
#include "policy/cure/refused.h"

struct crowd {
    size_t program, domain; /* chunks of the same program; of both the same */
};

/* The last two labels: who has a name of their own can make up any number of names below it. */
static const char *domain_of(const char *host)
{
    const char *at = host + strlen(host);
    for (int dots = 0; at > host; at--)
        if (at[-1] == '.' && ++dots == 2)
            break;
    return at;
}

struct place {
    uint32_t program, domain;                       /* hashes: all are compared with all */
};

static uint32_t hash_of(const char *text, uint32_t hash)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static struct place place_of(const char *binary, const char *host)
{
    uint32_t program = hash_of(binary, 2166136261u);
    return (struct place){program, hash_of(domain_of(host), program)};
}

static struct crowd crowd_of(const struct place *places, size_t n, struct place place)
{
    struct crowd crowd = {0, 0};
    for (size_t i = 0; i < n; i++) {
        crowd.program += places[i].program == place.program;
        crowd.domain += places[i].domain == place.domain;
    }
    return crowd;
}

static bool is_more(const struct crowd *a, const struct crowd *b)
{
    return a->program != b->program ? a->program > b->program : a->domain > b->domain;
}

int drafts_make_room(struct store_tx *tx, const char *sandbox_id,
                     const struct policy_refused *refused, struct arena *arena, struct error *err)
{
    struct store_draft_place *chunks;
    size_t n;
    const char *victim = NULL;
    int room =
        drafts_room(tx, sandbox_id, store_draft_source_word(STORE_DRAFT_MECHANISTIC), 1, err);
    if (room)
        return room;
    if (store_tx_draft_places(tx, sandbox_id, arena, &chunks, &n, err))
        return -1;
    struct place *places = arena_alloc(arena, (n + 1) * sizeof *places);
    for (size_t i = 0; i < n; i++)
        places[i] = place_of(chunks[i].binary, chunks[i].host);
    struct crowd most = crowd_of(places, n, place_of(refused->binary, refused->host));
    for (size_t i = 0; i < n; i++) {
        struct crowd crowd = crowd_of(places, n, places[i]);
        if (!is_more(&crowd, &most))
            continue;
        most = crowd;
        victim = chunks[i].id;
    }
    if (!victim)
        return 0;
    return store_tx_draft_delete(tx, sandbox_id, victim, err) ? -1 : 1;
}
