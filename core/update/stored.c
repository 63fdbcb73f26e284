/* SPDX-License-Identifier: Apache-2.0 */
#include "update/stored.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A policy has one slot, whose old entry it replaces; a long policy is not cached. */
enum { PLACES = 512, TEXT_MAX = 16384 };

struct stored_policies {
    pthread_mutex_t lock;
    struct policy *places[PLACES];
};

struct stored_policies *stored_policies_new(void)
{
    struct stored_policies *stored = alloc_zero(1, sizeof *stored);
    pthread_mutex_init(&stored->lock, NULL);
    return stored;
}

void stored_policies_free(struct stored_policies *stored)
{
    if (!stored)
        return;
    for (size_t i = 0; i < PLACES; i++)
        policy_unref(stored->places[i]);
    pthread_mutex_destroy(&stored->lock);
    free(stored);
}

static struct policy **place_of(struct stored_policies *stored, const char *hash)
{
    char digits[5] = "";
    strncat(digits, hash, sizeof digits - 1);
    return &stored->places[strtoul(digits, NULL, 16) % PLACES];
}

static struct policy *find(struct stored_policies *stored, const char *hash)
{
    pthread_mutex_lock(&stored->lock);
    struct policy *there = *place_of(stored, hash);
    struct policy *found =
        there && strcmp(policy_hash(there), hash) == 0 ? policy_ref(there) : NULL;
    pthread_mutex_unlock(&stored->lock);
    return found;
}

void stored_policies_keep(struct stored_policies *stored, struct policy *policy)
{
    if (strlen(policy_json(policy)) > TEXT_MAX)
        return;
    policy_ref(policy);
    pthread_mutex_lock(&stored->lock);
    struct policy **place = place_of(stored, policy_hash(policy)), *old = *place;
    *place = policy;
    pthread_mutex_unlock(&stored->lock);
    policy_unref(old);
}

static struct policy *parse(const struct store_revision *revision, struct error *err)
{
    struct problems problems = {0};
    struct policy *policy =
        policy_parse(revision->policy_json, strlen(revision->policy_json), DOC_JSON, &problems);
    const struct problem *first = problems.n
                                      ? &problems.items[0]
                                      : &(struct problem){.path = "", .message = "unknown reason"};
    if (!policy)
        error_set(err, ERROR_INTERNAL, "revision %lu in the store cannot be read: %s%s%s",
                  (unsigned long)revision->revision, first->path, *first->path ? ": " : "",
                  first->message);
    problems_free(&problems);
    return policy;
}

struct policy *stored_policies_get(struct stored_policies *stored,
                                   const struct store_revision *revision, struct error *err)
{
    struct policy *policy = find(stored, revision->hash);
    if (policy || !(policy = parse(revision, err)))
        return policy;
    stored_policies_keep(stored, policy);
    return policy;
}
