/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/graphql_token.h"

#include <string.h>

enum { SPACE = 1, LETTER = 2, DIGIT = 4, PUNCTUATOR = 8, PLAIN = 16 };

/* PLAIN: within a string it stands for itself. */
static const unsigned char classes[256] = {
    [0x01 ... 0x08] = 0,
    ['\t'] = SPACE | PLAIN,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    [' '] = SPACE | PLAIN,
    ['!'] = PUNCTUATOR | PLAIN,
    ['#'] = PLAIN,
    ['$'] = PUNCTUATOR | PLAIN,
    ['%'] = PLAIN,
    ['&'] = PUNCTUATOR | PLAIN,
    ['\''] = PLAIN,
    ['('] = PUNCTUATOR | PLAIN,
    [')'] = PUNCTUATOR | PLAIN,
    ['*' ... '+'] = PLAIN,
    [','] = SPACE | PLAIN,
    ['-' ... '/'] = PLAIN,
    ['0' ... '9'] = DIGIT | PLAIN,
    [':'] = PUNCTUATOR | PLAIN,
    [';' ... '<'] = PLAIN,
    ['='] = PUNCTUATOR | PLAIN,
    ['>' ... '?'] = PLAIN,
    ['@'] = PUNCTUATOR | PLAIN,
    ['A' ... 'Z'] = LETTER | PLAIN,
    ['['] = PUNCTUATOR | PLAIN,
    [']'] = PUNCTUATOR | PLAIN,
    ['^'] = PLAIN,
    ['_'] = LETTER | PLAIN,
    ['`'] = PLAIN,
    ['a' ... 'z'] = LETTER | PLAIN,
    ['{'] = PUNCTUATOR | PLAIN,
    ['|'] = PUNCTUATOR | PLAIN,
    ['}'] = PUNCTUATOR | PLAIN,
    ['~' ... 0xff] = PLAIN,
};

static bool is(char c, unsigned class)
{
    return classes[(unsigned char)c] & class;
}

static const char *skip(const char *at, unsigned class)
{
    while (is(*at, class))
        at++;
    return at;
}

/* A comment may hold a quote and a backslash as they are. */
static const char *skip_comment(const char *at)
{
    for (;;) {
        at = skip(at, PLAIN);
        if (*at != '"' && *at != '\\')
            return at;
        at++;
    }
}

static const char *skip_ignored(const char *at)
{
    for (;;) {
        at = skip(at, SPACE);
        if (*at == '#')
            at = skip_comment(at);
        else if (*at == '\xef' && strncmp(at, "\xef\xbb\xbf", 3) == 0)
            at += 3;
        else
            return at;
    }
}

static bool is_hex(char c)
{
    return is(c, DIGIT) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* at: the backslash. */
static const char *skip_escape(struct graphql_lexer *l, const char *at)
{
    l->at = at;
    if (at[1] && strchr("\"\\/bfnrt", at[1]))
        return at + 2;
    if (at[1] != 'u')
        return NULL;
    for (int i = 2; i < 6; i++)
        if (!is_hex(at[i]))
            return NULL;
    return at + 6;
}

static const char *read_string(struct graphql_lexer *l)
{
    const char *at = l->token + 1;
    while (*(at = skip(at, PLAIN)) == '\\')
        if (!(at = skip_escape(l, at)))
            return "unknown escape in a string";
    l->at = at;
    if (*at == '"')
        l->at++;
    else if (!*at || *at == '\n' || *at == '\r')
        return "a string does not end";
    else
        return "a control character in a string";
    return NULL;
}

/* at: what the text has that does not stand for itself.  Behind it, or NULL at a character that no
 * block string has. */
static const char *skip_in_block(const char *at)
{
    if (*at == '\\')
        return at + (strncmp(at, "\\\"\"\"", 4) == 0 ? 4 : 1);
    return *at == '"' || *at == '\n' || *at == '\r' ? at + 1 : NULL;
}

static const char *read_block(struct graphql_lexer *l)
{
    const char *at = l->token + 3, *next;
    for (;; at = next) {
        at = l->at = skip(at, PLAIN);
        if (strncmp(at, "\"\"\"", 3) == 0) {
            l->at = at + 3;
            return NULL;
        }
        if (!*at)
            return "a block string does not end";
        if (!(next = skip_in_block(at)))
            return "a control character in a string";
    }
}

/* False: there are none. */
static bool skip_digits(struct graphql_lexer *l)
{
    const char *from = l->at;
    l->at = skip(l->at, DIGIT);
    return l->at > from;
}

static const char *read_number(struct graphql_lexer *l)
{
    static const char why[] = "malformed number";
    l->at = l->token + (*l->token == '-');
    bool zero = *l->at == '0';
    if (zero)
        l->at++;
    else if (!skip_digits(l))
        return why;
    if (*l->at == '.') {
        l->at++;
        if (!skip_digits(l))
            return why;
    }
    if ((*l->at | 0x20) == 'e') {
        l->at++;
        l->at += *l->at == '+' || *l->at == '-';
        if (!skip_digits(l))
            return why;
    }
    return is(*l->at, LETTER | DIGIT) || *l->at == '.' ? why : NULL;
}

static const char *read_token(struct graphql_lexer *l)
{
    const char *at = l->token;
    unsigned class = classes[(unsigned char)*at];
    l->at = at + 1;
    l->kind = (unsigned char)*at;
    if (class & LETTER) {
        l->kind = GRAPHQL_NAME;
        l->at = skip(at, LETTER | DIGIT);
    } else if (class & PUNCTUATOR) {
        return NULL;
    } else if (*at == '"') {
        l->kind = GRAPHQL_STRING;
        return strncmp(at, "\"\"\"", 3) == 0 ? read_block(l) : read_string(l);
    } else if (*at == '-' || class & DIGIT) {
        l->kind = GRAPHQL_NUMBER;
        return read_number(l);
    } else if (strncmp(at, "...", 3) == 0) {
        l->kind = GRAPHQL_SPREAD;
        l->at = at + 3;
    } else {
        l->at = at;
        return "unexpected character";
    }
    return NULL;
}

const char *graphql_next(struct graphql_lexer *l)
{
    l->token = l->at = skip_ignored(l->at);
    l->len = 0;
    l->kind = GRAPHQL_END;
    if (!*l->at)
        return NULL;
    if (++l->n > GRAPHQL_TOKENS_MAX)
        return "more than 20000 tokens";
    const char *why = read_token(l);
    l->len = (size_t)(l->at - l->token);
    return why;
}

bool graphql_is_word(const struct graphql_lexer *l, const char *word)
{
    return l->kind == GRAPHQL_NAME && *word == *l->token && strlen(word) == l->len &&
           memcmp(word, l->token, l->len) == 0;
}
