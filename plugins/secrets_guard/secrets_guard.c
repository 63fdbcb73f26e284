/* SPDX-License-Identifier: Apache-2.0 */
/* No key of a known shape leaves a sandbox in path, query, header or body; one pass over each. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"KEY_LEAVES", "A key of a known shape is part of the request."},
    {"PLACEHOLDER_LEAVES", "A placeholder of a credential stands where none should."},
    {NULL, NULL},
};

static const struct sluice_option options[] = {
    {"allow_hosts", SLUICE_LIST, NULL, "Patterns of hosts that keys may be sent to."},
    {"placeholders", SLUICE_LIST, "body",
     "Where a placeholder is refused: any of path, query, header, body."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

/* What a key is made of behind its prefix. */
enum letters { WORD, DASHED, UPPER, HEX, ANYTHING };

static const struct shape {
    const char *prefix;
    enum letters letters;
    size_t least;                                   /* of these behind the prefix */
    const char *name;
} shapes[] = {
    {"sk-ant-", DASHED, 20, "Anthropic key"},
    {"sk-", DASHED, 20, "OpenAI key"},
    {"ghp_", WORD, 36, "GitHub token"},
    {"gho_", WORD, 36, "GitHub token"},
    {"ghu_", WORD, 36, "GitHub token"},
    {"ghs_", WORD, 36, "GitHub token"},
    {"ghr_", WORD, 36, "GitHub token"},
    {"github_pat_", WORD, 22, "GitHub token"},
    {"glpat-", DASHED, 20, "GitLab token"},
    {"AKIA", UPPER, 16, "AWS key id"},
    {"ASIA", UPPER, 16, "AWS key id"},
    {"AIza", DASHED, 35, "Google key"},
    {"xoxa-", DASHED, 10, "Slack token"},
    {"xoxb-", DASHED, 10, "Slack token"},
    {"xoxp-", DASHED, 10, "Slack token"},
    {"xoxr-", DASHED, 10, "Slack token"},
    {"xoxs-", DASHED, 10, "Slack token"},
    {"sk_live_", WORD, 16, "Stripe key"},
    {"rk_live_", WORD, 16, "Stripe key"},
    {"npm_", WORD, 36, "npm token"},
    {"pypi-AgEI", DASHED, 40, "PyPI token"},
    {"SG.", DASHED, 22, "SendGrid key"},
    {"hf_", WORD, 30, "Hugging Face token"},
    {"dop_v1_", HEX, 64, "DigitalOcean token"},
    {"-----BEGIN PRIVATE KEY-----", ANYTHING, 0, "private key"},
    {"-----BEGIN RSA PRIVATE KEY-----", ANYTHING, 0, "private key"},
    {"-----BEGIN EC PRIVATE KEY-----", ANYTHING, 0, "private key"},
    {"-----BEGIN DSA PRIVATE KEY-----", ANYTHING, 0, "private key"},
    {"-----BEGIN OPENSSH PRIVATE KEY-----", ANYTHING, 0, "private key"},
    {"-----BEGIN ENCRYPTED PRIVATE KEY-----", ANYTHING, 0, "private key"},
};

static const struct shape markers[] = {
    {"openshell:resolve:env:", ANYTHING, 0, "placeholder"},
    {"OPENSHELL-RESOLVE-ENV-", ANYTHING, 0, "placeholder"},
};

enum { SHAPES = sizeof shapes / sizeof *shapes, MARKERS = sizeof markers / sizeof *markers };
enum { DECODED_MAX = 16 * 1024 };                   /* of path and query */

#define PLACES(X) X(PATH, "path") X(QUERY, "query") X(HEADER, "header") X(BODY, "body")

enum place {
#define X(id, word) id,
    PLACES(X)
#undef X
    PLACE_COUNT
};

static const char *const place_words[] = {
#define X(id, word) word,
    PLACES(X)
#undef X
};

struct guard {
    const struct sluice_host *host;
    const char *const *allowed;
    size_t n_allowed;
    bool placeholders[PLACE_COUNT];
    uint64_t pairs[65536 / 64]; /* a bit for each two bytes that prefixes begin with, from 0 or 1 */
};

/* ---- one text ---- */

static bool is_letter(enum letters letters, unsigned char c)
{
    switch (letters) {
    case WORD:     return isalnum(c) || c == '_';
    case DASHED:   return isalnum(c) || c == '_' || c == '-';
    case UPPER:    return isupper(c) || isdigit(c);
    case HEX:      return isxdigit(c);
    case ANYTHING: return true;
    }
    return false;
}

static bool begins(const struct shape *shape, const char *text, size_t len)
{
    size_t prefix = strlen(shape->prefix);
    if (len < prefix + shape->least || memcmp(text, shape->prefix, prefix) != 0)
        return false;
    for (size_t i = 0; i < shape->least; i++)
        if (!is_letter(shape->letters, (unsigned char)text[prefix + i]))
            return false;
    return true;
}

static const struct shape *find_at(const struct shape *list, size_t n, const char *text, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].prefix[0] == text[0] && begins(&list[i], text, len))
            return &list[i];
    return NULL;
}

/* The key that begins at this place of the text, where a word begins; placeholders too: those as
 * well. */
static const struct shape *find_here(const char *text, size_t len, size_t i, bool placeholders)
{
    const struct shape *found = placeholders ? find_at(markers, MARKERS, text + i, len - i) : NULL;
    if (!found && (i == 0 || !isalnum((unsigned char)text[i - 1])))
        found = find_at(shapes, SHAPES, text + i, len - i);
    return found;
}

static unsigned pair_at(const char *text)
{
    uint16_t pair;
    memcpy(&pair, text, sizeof pair);
    return pair;
}

static bool has_pair(const struct guard *guard, unsigned pair)
{
    return guard->pairs[pair / 64] >> pair % 64 & 1;
}

static bool has_pair_of_eight(const struct guard *guard, const char *text)
{
    return has_pair(guard, pair_at(text)) | has_pair(guard, pair_at(text + 2)) |
           has_pair(guard, pair_at(text + 4)) | has_pair(guard, pair_at(text + 6));
}

/* The first key in the text.  A prefix has three bytes at least, so it shows in every second pair:
 * by its first two bytes, or by the two behind its first. */
static const struct shape *find(const struct guard *guard, const char *text, size_t len,
                                bool placeholders)
{
    const struct shape *found = NULL;
    for (size_t i = 0; i + 1 < len && !found; i += 2) {
        while (i + 8 <= len && !has_pair_of_eight(guard, text + i))
            i += 8;
        if (i + 1 >= len || !has_pair(guard, pair_at(text + i)))
            continue;
        if (i > 0)
            found = find_here(text, len, i - 1, placeholders);
        if (!found)
            found = find_here(text, len, i, placeholders);
    }
    return found;
}

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                                                            : -1;
}

/* With its percent signs resolved. */
static size_t resolve(const char *text, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        bool escape = text[i] == '%' && i + 2 < len && digit(text[i + 1]) >= 0 &&
                      digit(text[i + 2]) >= 0;
        out[n++] = escape ? (char)(digit(text[i + 1]) << 4 | digit(text[i + 2])) : text[i];
        i += escape ? 2 : 0;
    }
    return n;
}

/* In parts that overlap, so that no key is cut in two. */
static const struct shape *find_resolved(const struct guard *guard, const char *text, size_t len,
                                         bool placeholders)
{
    char decoded[DECODED_MAX];
    const struct shape *found = NULL;
    while (!found && len) {
        size_t part = len < DECODED_MAX ? len : DECODED_MAX;
        found = find(guard, decoded, resolve(text, part, decoded), placeholders);
        size_t step = part < len ? part / 2 : part;
        text += step;
        len -= step;
    }
    return found;
}

static const struct shape *find_encoded(const struct guard *guard, const char *text,
                                        bool placeholders)
{
    size_t len = strlen(text);
    const struct shape *found = find(guard, text, len, placeholders);
    return found || !memchr(text, '%', len) ? found
                                            : find_resolved(guard, text, len, placeholders);
}

/* ---- a request ---- */

static bool is_allowed(const struct guard *guard, const char *host)
{
    for (size_t i = 0; i < guard->n_allowed; i++)
        if (guard->host->host_match(guard->host, guard->allowed[i], host))
            return true;
    return false;
}

static enum sluice_verdict refuse(struct sluice_ballot *b, const struct shape *shape,
                                  enum place place, const char *name, const char *host)
{
    bool marker = shape >= markers && shape < markers + MARKERS;
    return sluice_deny(b, marker ? "PLACEHOLDER_LEAVES" : "KEY_LEAVES", "",
                       "%s %s would leave for %s in the %s%s%s of the request",
                       strchr("AEIOU", shape->name[0]) ? "an" : "a", shape->name, host,
                       place_words[place], *name ? " " : "", name);
}

static enum sluice_verdict inspect(void *self, const struct sluice_request *r,
                                   struct sluice_ballot *b)
{
    const struct guard *guard = self;
    const bool *placeholders = guard->placeholders;
    const struct shape *found;
    if (is_allowed(guard, r->host))
        return sluice_allow(b);
    if ((found = find_encoded(guard, r->path, placeholders[PATH])))
        return refuse(b, found, PATH, "", r->host);
    if ((found = find_encoded(guard, r->query, placeholders[QUERY])))
        return refuse(b, found, QUERY, "", r->host);
    for (size_t i = 0; i < r->n_headers; i++) {
        const struct sluice_header *h = &r->headers[i];
        if ((found = find(guard, h->value, strlen(h->value), placeholders[HEADER])))
            return refuse(b, found, HEADER, h->name, r->host);
    }
    if ((found = find(guard, r->body, r->body_len, placeholders[BODY])))
        return refuse(b, found, BODY, "", r->host);
    return sluice_allow(b);
}

/* ---- options ---- */

static int read_places(struct guard *guard, const struct sluice_host *host,
                       const struct sluice_options *o)
{
    size_t n;
    const char *const *words = sluice_option_list(o, "placeholders", &n);
    for (size_t i = 0; i < n; i++) {
        int place = 0;
        while (place < PLACE_COUNT && strcmp(place_words[place], words[i]) != 0)
            place++;
        if (place == PLACE_COUNT) {
            host->log(host, "option placeholders: a place is path, query, header or body");
            return -1;
        }
        guard->placeholders[place] = true;
    }
    return 0;
}

static void note_pairs(struct guard *guard, const struct shape *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t at = 0; at < 2; at++) {
            unsigned pair = pair_at(list[i].prefix + at);
            guard->pairs[pair / 64] |= (uint64_t)1 << pair % 64;
        }
    }
}

static int init(const struct sluice_host *host, const struct sluice_options *o, void **self)
{
    struct guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return -1;
    guard->host = host;
    guard->allowed = sluice_option_list(o, "allow_hosts", &guard->n_allowed);
    note_pairs(guard, shapes, SHAPES);
    note_pairs(guard, markers, MARKERS);
    if (read_places(guard, host, o) != 0) {
        free(guard);
        return -1;
    }
    *self = guard;
    return 0;
}

SLUICE_PLUGIN(.name = "secrets_guard", .version = "1.0.0",
              .summary = "Refuses requests that carry a key of a known shape.",
              .options = options, .codes = codes, .flags = SLUICE_REENTRANT, .init = init,
              .inspect = inspect, .fini = free);
