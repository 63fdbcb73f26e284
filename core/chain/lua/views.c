/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/views.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ROOM_FIRST = 128, HALF = sizeof(uintptr_t) * 4 };
#define HALF_MAX (UINTPTR_MAX >> HALF)

static bool same(const struct view *a, const struct view *b)
{
    return a->data == b->data && a->what == b->what && a->kind == b->kind;
}

/* The slot of the view, or the free one that waits for it. */
static struct view_slot *find(const struct views *views, const struct view *view)
{
    uint64_t hash = ((uintptr_t)view->data * 31 + (uintptr_t)view->what) * 0x9e3779b97f4a7c15u;
    size_t mask = 2 * views->room - 1;
    for (size_t i = (size_t)(hash >> 32);; i++) {
        struct view_slot *slot = &views->slots[i & mask];
        if (slot->vote != views->vote || same(&views->items[slot->place], view))
            return slot;
    }
}

static void grow(struct views *views)
{
    views->room = views->room ? views->room * 2 : ROOM_FIRST;
    views->items = alloc_resize(views->items, views->room, sizeof *views->items);
    free(views->slots);
    views->slots = alloc_zero(views->room * 2, sizeof *views->slots);
    for (size_t i = 0; i < views->n; i++)
        *find(views, &views->items[i]) = (struct view_slot){views->vote, (uint32_t)i};
}

void views_begin(struct views *views)
{
    views->n = 0;
    if (views->vote++ < HALF_MAX)
        return;
    views->vote = 1;
    memset(views->slots, 0, views->room * 2 * sizeof *views->slots);
}

void views_free(struct views *views)
{
    free(views->items);
    free(views->slots);
}

uint32_t views_place(struct views *views, struct view view)
{
    if (views->n == views->room)
        grow(views);
    struct view_slot *slot = find(views, &view);
    if (slot->vote != views->vote) {
        *slot = (struct view_slot){views->vote, (uint32_t)views->n};
        views->items[views->n++] = view;
    }
    return slot->place;
}

void *views_handle(const struct views *views, uint32_t place)
{
    return (void *)((uintptr_t)views->vote << HALF | place);
}

const struct view *views_at(const struct views *views, const void *handle)
{
    uintptr_t vote = (uintptr_t)handle >> HALF, place = (uintptr_t)handle & HALF_MAX;
    return vote == views->vote && place < views->n ? &views->items[place] : NULL;
}
