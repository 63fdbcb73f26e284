/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/ballot.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/text.h"
#include "base/unset.h"

/* The ballot behind what a voter was handed. */
static struct ballot *ballot_of(struct sluice_ballot *face)
{
    return face->gateway;
}

__attribute__((format(printf, 2, 3)))
static void complain(struct ballot *b, const char *format, ...)
{
    if (b->wrong[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(b->wrong, sizeof b->wrong, format, args);
    va_end(args);
}

/* Copies what fits, in whole characters, and returns its length. */
static size_t copy_clean(char *out, size_t max, const char *text, size_t len)
{
    size_t used = text_plain(text, len < max ? len : max);
    memcpy(out, text, used);
    for (size_t at = used; at < len;) {
        size_t n = printable_char(text + at, len - at, ""), need = n ? n : 4;
        if (used + need > max)
            break;
        if (n)
            memcpy(out + used, text + at, n);
        else
            snprintf(out + used, 5, "\\x%02x", (unsigned char)text[at]);
        used += need;
        at += n ? n : 1;
    }
    out[used] = '\0';
    return used;
}

static size_t copy_text(char *out, size_t max, const char *text)
{
    return copy_clean(out, max, text ? text : "", text ? strnlen(text, max) : 0);
}

static bool declared(const struct sluice_code *codes, const char *code)
{
    for (; codes->code; codes++)
        if (strcmp(codes->code, code) == 0)
            return true;
    return false;
}

static bool has_letters_of_code(const char *text)
{
    while (isalnum((unsigned char)*text) || *text == '_' || *text == '.' || *text == '-')
        text++;
    return !*text;
}

bool ballot_is_code(const char *text)
{
    size_t len = strnlen(text, SLUICE_CODE_MAX + 1);
    return len && len <= SLUICE_CODE_MAX && has_letters_of_code(text);
}

static void take_code(struct ballot *b, enum sluice_verdict verdict, const char *code)
{
    const char *word = chain_verdict_word(verdict);
    size_t len = code ? strnlen(code, SLUICE_CODE_MAX + 1) : 0;
    b->code[0] = '\0';
    if (len == 0)
        complain(b, "cast %s without a code", word);
    else if (len > SLUICE_CODE_MAX)
        complain(b, "cast %s with a code of more than %d bytes", word, SLUICE_CODE_MAX);
    else if (b->codes && declared(b->codes, code))
        memcpy(b->code, code, len + 1);             /* declared codes have letters of codes */
    else if (!has_letters_of_code(code))
        complain(b, "cast %s with a code that is not made of letters, digits, '_', '.' and '-'",
                 word);
    else if (b->codes)
        complain(b, "cast %s with the code %s, which it does not declare", word, code);
    else
        memcpy(b->code, code, len + 1);
}

/* Formats what has no conversion but %s, much quicker than vsnprintf, which is for the rest: false.
 * What does not fit is cut off. */
static bool format_texts(char *out, size_t max, const char *format, va_list args)
{
    for (size_t used = 0;;) {
        size_t len = (size_t)(strchrnul(format, '%') - format);
        if (format[len] && format[len + 1] != 's')
            return false;
        bool last = !format[len] || len >= max - used;
        if (len > max - used)
            len = max - used;
        memcpy(out + used, format, len);
        used += len;
        out[used] = '\0';
        if (last)
            return true;
        const char *text = va_arg(args, const char *);
        size_t n = strnlen(text ? text : "(null)", max - used);
        memcpy(out + used, text ? text : "(null)", n);
        out[used += n] = '\0';
        format += len + 2;
    }
}

/* -1: it cannot be formatted. */
__attribute__((format(printf, 2, 0)))
static int format_message(char out[SLUICE_MESSAGE_MAX + 1], const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    bool done = format_texts(out, SLUICE_MESSAGE_MAX, format, again);
    va_end(again);
    return done ? 0 : vsnprintf(out, SLUICE_MESSAGE_MAX + 1, format, args);
}

static void clean_message(char message[SLUICE_MESSAGE_MAX + 1])
{
    UNSET char raw[SLUICE_MESSAGE_MAX + 1];
    size_t len = strlen(message);
    if (text_plain(message, len) == len)
        return;
    memcpy(raw, message, len);
    copy_clean(message, SLUICE_MESSAGE_MAX, raw, len);
}

__attribute__((format(printf, 2, 0)))
static void take_message(struct ballot *b, const char *format, va_list args)
{
    if (format && format_message(b->message, format, args) < 0) {
        b->message[0] = '\0';
        complain(b, "cast %s with a message that cannot be formatted",
                 chain_verdict_word(b->verdict));
    }
    clean_message(b->message);
    if (!b->message[0])
        complain(b, "cast %s without a message", chain_verdict_word(b->verdict));
}

__attribute__((format(printf, 5, 0)))
static enum sluice_verdict cast(struct sluice_ballot *face, enum sluice_verdict verdict,
                                const char *code, const char *path, const char *format,
                                va_list args)
{
    struct ballot *b = ballot_of(face);
    b->cast = true;
    b->verdict = verdict;
    b->code[0] = b->path[0] = b->message[0] = '\0';
    if ((unsigned)verdict >= SLUICE_VERDICT_COUNT)
        complain(b, "cast %u, which is no verdict", (unsigned)verdict);
    else if (verdict == SLUICE_DENY || verdict == SLUICE_HOLD) {
        take_code(b, verdict, code);
        copy_text(b->path, SLUICE_PATH_MAX, path);
        take_message(b, format, args);
    }
    return verdict;
}

static char *clean_in_arena(struct arena *arena, const char *text, size_t max)
{
    UNSET char clean[BALLOT_FACT_VALUE_MAX + 1];
    text = text ? text : "";
    size_t len = strnlen(text, max);
    if (text_plain(text, len) == len)
        return arena_strn(arena, text, len);
    return arena_strn(arena, clean, copy_clean(clean, max, text, len));
}

static void fact(struct sluice_ballot *face, const char *key, const char *value)
{
    struct ballot *b = ballot_of(face);
    if (!key || !*key) {
        complain(b, "gave a fact without a key");
        return;
    }
    if (b->n_facts == SLUICE_FACTS_MAX) {
        complain(b, "gave more than %d facts", SLUICE_FACTS_MAX);
        return;
    }
    if (!b->facts)
        b->facts = arena_alloc(b->arena, SLUICE_FACTS_MAX * sizeof *b->facts);
    b->facts[b->n_facts++] = (struct chain_fact){
        .key = clean_in_arena(b->arena, key, BALLOT_FACT_KEY_MAX),
        .value = clean_in_arena(b->arena, value, BALLOT_FACT_VALUE_MAX),
    };
}

/* ---- changes of a request ---- */

/* Whether they are permitted is known to whoever made the request (inspect/stage.h). */
static void add_change(struct ballot *b, struct inspect_change change)
{
    if (!b->may_change)
        complain(b, "changed a request, which it may only where a policy names it as a middleware");
    else if (change.len > BALLOT_CHANGE_MAX || b->n_changes == BALLOT_CHANGES_MAX)
        complain(b, "changed more of a request than is ever permitted");
    else {
        b->changes = arena_grow(b->arena, b->changes, b->n_changes, &b->room, sizeof *b->changes);
        b->changes[b->n_changes++] = change;
    }
}

static void set_header(struct sluice_ballot *face, const char *name, const char *value)
{
    struct ballot *b = ballot_of(face);
    size_t len = value ? strnlen(value, BALLOT_CHANGE_MAX + 1) : 0;
    char *lower = arena_strn(b->arena, name ? name : "", name ? strnlen(name, BALLOT_NAME_MAX) : 0);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    add_change(b, (struct inspect_change){
                      lower, value ? arena_strn(b->arena, value, len) : NULL, len});
}

static void set_body(struct sluice_ballot *face, const char *body, size_t len)
{
    struct ballot *b = ballot_of(face);
    bool fits = len <= BALLOT_CHANGE_MAX;
    add_change(b, (struct inspect_change){
                      NULL, arena_strn(b->arena, len && fits ? body : "", fits ? len : 0), len});
}

void ballot_begin(struct ballot *ballot, struct arena *arena, const struct sluice_code *codes)
{
    /* Member by member: clearing the texts too would cost more than a vote. */
    ballot->face = (struct sluice_ballot){sizeof ballot->face, ballot, cast, fact, set_header,
                                          set_body};
    ballot->arena = arena;
    ballot->codes = codes;
    ballot->cast = false;
    ballot->verdict = SLUICE_ABSTAIN;
    ballot->code[0] = ballot->path[0] = ballot->message[0] = ballot->wrong[0] = '\0';
    ballot->facts = NULL;
    ballot->n_facts = 0;
    ballot->may_change = false;
    ballot->changes = NULL;
    ballot->n_changes = ballot->room = 0;
}

int ballot_finish(struct sluice_ballot *face, enum sluice_verdict returned, struct error *err)
{
    const struct ballot *b = ballot_of(face);
    if (b->wrong[0])
        return error_set(err, ERROR_INTERNAL, "it %s", b->wrong);
    if ((unsigned)returned >= SLUICE_VERDICT_COUNT)
        return error_set(err, ERROR_INTERNAL, "it returned %u, which is no verdict",
                         (unsigned)returned);
    if (!b->cast)
        return error_set(err, ERROR_INTERNAL, "it returned %s without casting it",
                         chain_verdict_word(returned));
    if (returned != b->verdict)
        return error_set(err, ERROR_INTERNAL, "it returned %s after casting %s",
                         chain_verdict_word(returned), chain_verdict_word(b->verdict));
    return 0;
}
