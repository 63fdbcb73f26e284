/* SPDX-License-Identifier: Apache-2.0 */
/* Many globs of base/glob.h as one automaton: the subset construction, made as far as it is asked
 * for.  A symbol is a whole UTF-8 character, its bytes packed into a number. */
#include <string.h>

#include "base/ipaddr.h"
#include "policy/effect/effect_parts.h"

/* A place in a pattern.  The tokens of a pattern follow each other, each a segment's atoms and an
 * ATOM_END, or one ATOM_RUN, and at last an ATOM_STOP. */
enum atom_kind {
    ATOM_CHAR,
    ATOM_ANY,                                       /* ? */
    ATOM_STAR,
    ATOM_END,                                       /* of a segment */
    ATOM_RUN,                                       /* no segment or more */
    ATOM_STOP,
};

struct atom {
    enum atom_kind kind;
    uint32_t symbol;
    uint32_t pattern;
    bool accepts;                                   /* the text may end here */
};

struct edge {
    uint32_t symbol, to;
    struct edge *next;
};

struct state {
    uint32_t parent, symbol;                        /* by which it was first reached */
    struct edge *edges;
};

struct effect_automaton {
    const struct effect_space *space;
    struct arena *arena;
    struct effect_budget *budget;
    uint32_t separator;
    struct atom *atoms;
    size_t n_atoms, cap_atoms;
    uint32_t *starts;                               /* of the patterns, among the atoms */
    size_t n_starts, cap_starts;
    struct effect_interner sets;                    /* a state is its shape and its atoms */
    struct state *states;
    size_t cap_states;
    uint32_t start;
    uint32_t *marks, mark;                          /* atoms that are in the set being made */
    uint32_t *next;                                 /* the set being made: shape, atoms */
    size_t n_next;
};

enum { DEAD = UINT32_MAX };

/* ---- patterns ---- */

struct effect_automaton *effect_automaton_new(const struct effect_space *space)
{
    struct effect_automaton *a = arena_zalloc(space->arena, sizeof *a);
    a->space = space;
    a->arena = space->arena;
    a->budget = space->budget;
    a->separator =
        space->language == EFFECT_BINARIES || space->language == EFFECT_PATHS ? '/' : '.';
    a->sets.arena = space->arena;
    return a;
}

static void add_atom(struct effect_automaton *a, enum atom_kind kind, uint32_t symbol,
                     uint32_t pattern)
{
    a->atoms = arena_grow(a->arena, a->atoms, a->n_atoms, &a->cap_atoms, sizeof *a->atoms);
    a->atoms[a->n_atoms++] = (struct atom){kind, symbol, pattern, false};
}

static size_t char_len(const char *s)
{
    unsigned char lead = (unsigned char)*s;
    size_t want = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, len = 1;
    while (len < want && s[len])
        len++;
    return len;
}

static uint32_t symbol_at(const char *s, size_t *len)
{
    uint32_t symbol = 0;
    *len = char_len(s);
    for (size_t i = *len; i-- > 0;)
        symbol = symbol << 8 | (unsigned char)s[i];
    return symbol;
}

static void add_segment(struct effect_automaton *a, const char *text, size_t len, uint32_t pattern)
{
    bool literal = a->space->patterns[pattern].literal, host = a->space->language == EFFECT_HOSTS;
    for (size_t i = 0, width; i < len; i += width) {
        uint32_t c = symbol_at(text + i, &width);
        if (host)                                   /* ASCII, and read from the end */
            c = (unsigned char)text[len - i - 1], width = 1;
        add_atom(a, literal ? ATOM_CHAR : c == '*' ? ATOM_STAR : c == '?' ? ATOM_ANY : ATOM_CHAR, c,
                 pattern);
    }
    add_atom(a, ATOM_END, 0, pattern);
}

/* One segment of the pattern; a ** that needs a segment is a * and a run. */
static void add_token(struct effect_automaton *a, const char *text, size_t len, bool last,
                      uint32_t pattern)
{
    bool host = a->space->language == EFFECT_HOSTS;
    bool run = len == 2 && memcmp(text, "**", 2) == 0 && !a->space->patterns[pattern].literal;
    if (!run)
        add_segment(a, text, len, pattern);
    else if (host || last)
        add_segment(a, "*", 1, pattern);
    if (run)
        add_atom(a, ATOM_RUN, 0, pattern);
}

static void add_tokens(struct effect_automaton *a, const char *text, uint32_t pattern)
{
    const char separator[] = {(char)a->separator, '\0'};
    if (a->space->language != EFFECT_HOSTS) {
        for (size_t len; text; text = text[len] ? text + len + 1 : NULL) {
            len = strcspn(text, separator);
            add_token(a, text, len, !text[len], pattern);
        }
        return;
    }
    for (size_t end = strlen(text), at = end;; at--) {
        if (at > 0 && text[at - 1] != '.')
            continue;
        add_token(a, text + at, end - at, false, pattern);
        if (at == 0)
            return;
        end = at - 1;
    }
}

void effect_automaton_add(struct effect_automaton *a, uint32_t pattern)
{
    size_t start = a->n_atoms;
    a->starts = arena_grow(a->arena, a->starts, a->n_starts, &a->cap_starts, sizeof *a->starts);
    a->starts[a->n_starts++] = (uint32_t)start;
    add_tokens(a, a->space->patterns[pattern].text, pattern);
    add_atom(a, ATOM_STOP, 0, pattern);
    for (size_t i = a->n_atoms - 1; i-- > start;) {
        a->atoms[i].accepts = a->atoms[i].kind >= ATOM_END;
        if (a->atoms[i].kind == ATOM_END)
            break;
    }
}

/* ---- sets of atoms ---- */

static void enter(struct effect_automaton *a, uint32_t at)
{
    for (;; at++) {
        if (a->marks[at] == a->mark)
            return;
        a->marks[at] = a->mark;
        a->next[a->n_next++] = at;
        if (a->atoms[at].kind != ATOM_STAR)
            return;
    }
}

/* A segment begins: a run may stand for none. */
static void begin(struct effect_automaton *a, uint32_t at)
{
    for (; a->atoms[at].kind == ATOM_RUN; at++)
        enter(a, at);
    if (a->atoms[at].kind != ATOM_STOP)
        enter(a, at);
}

static void advance(struct effect_automaton *a, uint32_t at, uint32_t symbol)
{
    const struct atom *atom = &a->atoms[at];
    bool separator = symbol == a->separator;
    if (atom->kind == ATOM_CHAR && atom->symbol == symbol)
        enter(a, at + 1);
    else if (atom->kind == ATOM_ANY && !separator)
        enter(a, at + 1);
    else if ((atom->kind == ATOM_STAR || atom->kind == ATOM_RUN) && !separator)
        enter(a, at);
    else if (atom->kind == ATOM_RUN)
        begin(a, at);
    else if (atom->kind == ATOM_END && separator)
        begin(a, at + 1);
}

/* Nearly in order already. */
static void sort(uint32_t *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t item = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1] > item; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

static void begin_set(struct effect_automaton *a, uint32_t shape)
{
    if (!a->marks) {
        a->marks = arena_zalloc(a->arena, (a->n_atoms + 1) * sizeof *a->marks);
        a->next = arena_alloc(a->arena, (a->n_atoms + 2) * sizeof *a->next);
    }
    a->mark++;
    a->next[0] = shape;
    a->n_next = 1;
}

/* The state of the set that was made. */
static uint32_t end_set(struct effect_automaton *a, uint32_t parent, uint32_t symbol)
{
    size_t known = a->sets.n;
    if (a->n_next == 1)
        return DEAD;
    sort(a->next + 1, a->n_next - 1);
    uint32_t id = effect_intern(&a->sets, a->next, a->n_next * sizeof *a->next);
    if (id < known)
        return id;
    a->states = arena_grow(a->arena, a->states, known, &a->cap_states, sizeof *a->states);
    a->states[id] = (struct state){parent, symbol, NULL};
    return id;
}

static uint32_t start_state(struct effect_automaton *a)
{
    if (a->sets.n)
        return a->start;
    begin_set(a, EFFECT_SHAPE_START);
    for (size_t i = 0; i < a->n_starts; i++)
        begin(a, a->starts[i]);
    effect_spend(a->budget, a->n_next);
    return a->start = end_set(a, DEAD, 0);
}

static const uint32_t *atoms_of(const struct effect_automaton *a, uint32_t state, size_t *n,
                                uint32_t *shape)
{
    const struct effect_key *key = &a->sets.keys[state];
    const uint32_t *set = key->bytes;
    *shape = set[0];
    *n = key->len / sizeof *set - 1;
    return set + 1;
}

static uint32_t make_step(struct effect_automaton *a, uint32_t state, uint32_t symbol)
{
    size_t n;
    uint32_t shape;
    const uint32_t *atoms = atoms_of(a, state, &n, &shape);
    shape = effect_shape_after(a->space->language, shape, symbol);
    if (shape == EFFECT_SHAPE_DEAD || !effect_spend(a->budget, n + 16))
        return DEAD;
    begin_set(a, shape);
    for (size_t i = 0; i < n; i++)
        advance(a, atoms[i], symbol);
    return end_set(a, state, symbol);
}

static uint32_t step(struct effect_automaton *a, uint32_t state, uint32_t symbol)
{
    for (const struct edge *e = a->states[state].edges; e; e = e->next)
        if (e->symbol == symbol)
            return e->to;
    struct edge *edge = arena_alloc(a->arena, sizeof *edge);
    uint32_t to = make_step(a, state, symbol);
    *edge = (struct edge){symbol, to, a->states[state].edges};
    a->states[state].edges = edge;
    return to;
}

/* The patterns that match when the text ends in this state. */
static size_t accepted(const struct effect_automaton *a, uint32_t state, uint32_t *members)
{
    size_t n, found = 0;
    uint32_t shape;
    const uint32_t *atoms = atoms_of(a, state, &n, &shape);
    if (!effect_shape_accepts(a->space->language, shape))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (a->atoms[atoms[i]].accepts &&
            (!found || members[found - 1] != a->atoms[atoms[i]].pattern))
            members[found++] = a->atoms[atoms[i]].pattern;
    return found;
}

size_t effect_automaton_run(struct effect_automaton *a, const char *text, uint32_t *members)
{
    bool host = a->space->language == EFFECT_HOSTS;
    uint32_t state = start_state(a);
    size_t len = strlen(text);
    for (size_t i = 0, width; i < len && state != DEAD; i += width) {
        uint32_t symbol = symbol_at(text + i, &width);
        if (host)
            symbol = (unsigned char)text[len - i - 1], width = 1;
        state = step(a, state, symbol);
    }
    return state == DEAD ? 0 : accepted(a, state, members);
}

/* ---- exploring ---- */

/* Symbols that lead on from a state: those that patterns name, the separator, and one that stands
 * for all others. */
struct symbols {
    bool ascii[128];
    uint32_t items[256];
    size_t n;
    bool full;
};

static void add_symbol(struct symbols *s, uint32_t symbol)
{
    if (symbol < 128 && s->ascii[symbol])
        return;
    for (size_t i = 0; symbol >= 128 && i < s->n; i++)
        if (s->items[i] == symbol)
            return;
    if (symbol < 128)
        s->ascii[symbol] = true;
    if (s->n < sizeof s->items / sizeof *s->items)
        s->items[s->n++] = symbol;
    else
        s->full = true;
}

static void add_other(struct symbols *s)
{
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    for (const char *c = others; *c; c++) {
        if (s->ascii[(unsigned char)*c])
            continue;
        add_symbol(s, (unsigned char)*c);
        return;
    }
}

static void collect_symbols(struct effect_automaton *a, uint32_t state, struct symbols *out)
{
    size_t n;
    uint32_t shape;
    bool any = false, separator = false;
    const uint32_t *atoms = atoms_of(a, state, &n, &shape);
    *out = (struct symbols){0};
    effect_spend(a->budget, n);
    for (size_t i = 0; i < n; i++) {
        const struct atom *atom = &a->atoms[atoms[i]];
        if (atom->kind == ATOM_CHAR)
            add_symbol(out, atom->symbol);
        any |= atom->kind == ATOM_STAR || atom->kind == ATOM_ANY || atom->kind == ATOM_RUN;
        separator |= atom->kind == ATOM_END || atom->kind == ATOM_RUN;
    }
    if (any)
        add_other(out);
    if (separator)
        add_symbol(out, a->separator);
    if (out->full)                                  /* more characters than anybody writes */
        a->budget->spent = true;
}

static bool is_relevant(const struct effect_automaton *a, uint32_t state)
{
    size_t n;
    uint32_t shape;
    const uint32_t *atoms = atoms_of(a, state, &n, &shape);
    for (size_t i = 0; i < n; i++)
        if (a->space->patterns[a->atoms[atoms[i]].pattern].relevant)
            return true;
    return false;
}

/* Walking back from the end of a host spells it forwards. */
static const char *example_of(const struct effect_automaton *a, uint32_t state)
{
    bool host = a->space->language == EFFECT_HOSTS;
    size_t len = 0;
    for (uint32_t s = state; a->states[s].parent != DEAD; s = a->states[s].parent)
        len++;
    char *text = arena_zalloc(a->arena, len * 4 + 1), *end = text + len * 4, *p = end;
    for (uint32_t s = state; a->states[s].parent != DEAD; s = a->states[s].parent) {
        uint32_t symbol = a->states[s].symbol;
        size_t width = symbol > 0xffffff ? 4 : symbol > 0xffff ? 3 : symbol > 0xff ? 2 : 1;
        for (size_t i = width; i-- > 0;)
            *--p = (char)(symbol >> (8 * i));
    }
    if (!host)
        return p;
    for (size_t i = 0, j = (size_t)(end - p) - 1; i < j; i++, j--) {
        char c = p[i];
        p[i] = p[j];
        p[j] = c;
    }
    return p;
}

/* Longer labels than names may have are asked for by patterns that no name matches. */
static bool exists(const struct effect_automaton *a, const char *example)
{
    char canonical[IPADDR_HOST_SIZE];
    return a->space->language != EFFECT_HOSTS ||
           ipaddr_canonical_host(example, strlen(example), canonical) == 0;
}

void effect_automaton_explore(struct effect_automaton *a, effect_found *found, void *ctx)
{
    uint32_t *members = arena_alloc(a->arena, (a->n_starts + 1) * sizeof *members);
    struct symbols symbols;
    if (a->n_starts == 0)
        return;
    start_state(a);
    for (uint32_t state = 0; state < a->sets.n && !a->budget->spent; state++) {
        if (!is_relevant(a, state))
            continue;
        size_t n = accepted(a, state, members);
        if (n && effect_spend(a->budget, 64)) {
            const char *example = example_of(a, state);
            found(ctx, members, n, exists(a, example) ? example : NULL);
        }
        collect_symbols(a, state, &symbols);
        for (size_t i = 0; i < symbols.n; i++)
            make_step(a, state, symbols.items[i]);
    }
}
