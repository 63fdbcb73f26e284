/* SPDX-License-Identifier: Apache-2.0 */
/* What a vote has views of: each record once, so that the same record is the same view.
 *
 * A view is known by its place, which Lua holds together with the number of the vote; both are
 * looked up here, so that no view reaches further than its vote.
 *
 * Ownership: a list belongs to its machine and keeps its memory for the next vote; it borrows the
 * records.  Views move when one is added: keep copies, or places.  The state's thread. */
#ifndef CHAIN_LUA_VIEWS_H
#define CHAIN_LUA_VIEWS_H

#include <stddef.h>
#include <stdint.h>

enum view_kind {
    VIEW_RECORD,   /* what: its schema */
    VIEW_WRAPPED,  /* a record written as {wrap: {…}}; what: the field */
    VIEW_LIST,     /* of records; what: the field, data: the record that has it */
    VIEW_KEYED,    /* the same, by key */
    VIEW_TEXTS,    /* the same */
    VIEW_PORTS,    /* the same, of uint16_t */
    VIEW_NODE,     /* data: struct doc_node, a list or a map */
    VIEW_DOCUMENT, /* no view: the node that a field was read into; what and data as for a list */
};

struct view {
    enum view_kind kind;
    const void *what, *data;                        /* with the kind, what the view is known by */
    union {
        size_t n;
        const struct doc_node *node;                /* of a document; NULL until it was read */
    };
};

struct view_slot {
    uint32_t vote, place;                           /* of another vote: the slot is free */
};

struct views {
    uint32_t vote;                                  /* its number */
    struct view *items;
    size_t n, room;
    struct view_slot *slots;                        /* places by what they are of, twice the room */
};

/* Forgets all views: another vote begins. */
void views_begin(struct views *views);
void views_free(struct views *views);
/* The place of the view, a new one if it has none. */
uint32_t views_place(struct views *views, struct view view);

/* Place and vote in one word, and the view behind it; NULL: of a vote that has ended. */
void *views_handle(const struct views *views, uint32_t place);
const struct view *views_at(const struct views *views, const void *handle);

#endif
