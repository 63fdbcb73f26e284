/* SPDX-License-Identifier: Apache-2.0 */
/* What a voter says: a verdict and, for deny and hold, a code, a document path and a message.
 *
 * The helpers copy their texts.  A message is cut at SLUICE_MESSAGE_MAX bytes.  A ballot is used
 * on the thread that vote() was called on and not after it returned.
 *
 * A vote returns what the helper returned:   return sluice_deny(b, "CODE", path, "…", …);
 * A verdict returned without its helper, or another than the last one cast, is an error of the
 * voter and counts as its on_error. */
#ifndef SLUICE_BALLOT_H
#define SLUICE_BALLOT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/version.h>

#define SLUICE_VERDICTS(X)                                          \
    X(ABSTAIN, "abstain", "has no opinion")                         \
    X(ALLOW,   "allow",   "agrees to the transition")               \
    X(DENY,    "deny",    "refuses the transition")                 \
    X(HOLD,    "hold",    "a person must decide")

enum sluice_verdict {
#define X(id, word, meaning) SLUICE_##id,
    SLUICE_VERDICTS(X)
#undef X
    SLUICE_VERDICT_COUNT
};

enum {
    SLUICE_MESSAGE_MAX = 1024,
    SLUICE_CODE_MAX = 64,
    SLUICE_PATH_MAX = 512,
    SLUICE_FACTS_MAX = 32
};

struct sluice_ballot {
    uint32_t size;
    void *gateway;                                  /* the gateway's; not for plugins */
    enum sluice_verdict (*cast)(struct sluice_ballot *b, enum sluice_verdict verdict,
                                const char *code, const char *path, const char *format,
                                va_list args);
    void (*fact)(struct sluice_ballot *b, const char *key, const char *value);
    /* inspect() alone; a voter calls the helpers below. */
    void (*set_header)(struct sluice_ballot *b, const char *name, const char *value);
    void (*set_body)(struct sluice_ballot *b, const char *body, size_t len);
};

#ifdef __GNUC__
#define SLUICE_PRINTF(at, first) __attribute__((format(printf, at, first), unused))
#else
#define SLUICE_PRINTF(at, first)
#endif

SLUICE_PRINTF(5, 6)
static inline enum sluice_verdict sluice_cast(struct sluice_ballot *b, enum sluice_verdict verdict,
                                              const char *code, const char *path,
                                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum sluice_verdict cast = b->cast(b, verdict, code, path, format, args);
    va_end(args);
    return cast;
}

static inline enum sluice_verdict sluice_allow(struct sluice_ballot *b)
{
    return sluice_cast(b, SLUICE_ALLOW, "", "", "%s", "");
}

static inline enum sluice_verdict sluice_abstain(struct sluice_ballot *b)
{
    return sluice_cast(b, SLUICE_ABSTAIN, "", "", "%s", "");
}

SLUICE_PRINTF(4, 5)
static inline enum sluice_verdict sluice_deny(struct sluice_ballot *b, const char *code,
                                              const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum sluice_verdict cast = b->cast(b, SLUICE_DENY, code, path, format, args);
    va_end(args);
    return cast;
}

SLUICE_PRINTF(4, 5)
static inline enum sluice_verdict sluice_hold(struct sluice_ballot *b, const char *code,
                                              const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum sluice_verdict cast = b->cast(b, SLUICE_HOLD, code, path, format, args);
    va_end(args);
    return cast;
}

/* Attaches a fact to the audit record; of inspect(), to the sandbox's log and its events.  Never
 * changes the verdict. */
static inline void sluice_fact(struct sluice_ballot *b, const char *key, const char *value)
{
    b->fact(b, key, value);
}

/* What inspect() may change of a request, when a policy names the voter as a middleware: anywhere
 * else it is an error of the voter.  Names are without regard to case.  A middleware removes any
 * header that it sees, sets headers whose names begin with x-openshell-middleware-, and replaces a
 * body that it saw whole.  False: this gateway cannot change requests. */
static inline bool sluice_set_header(struct sluice_ballot *b, const char *name, const char *value)
{
    if (!SLUICE_HAS(b, set_header))
        return false;
    b->set_header(b, name, value ? value : "");
    return true;
}

static inline bool sluice_remove_header(struct sluice_ballot *b, const char *name)
{
    if (!SLUICE_HAS(b, set_header))
        return false;
    b->set_header(b, name, NULL);
    return true;
}

static inline bool sluice_set_body(struct sluice_ballot *b, const char *body, size_t len)
{
    if (!SLUICE_HAS(b, set_body))
        return false;
    b->set_body(b, body, len);
    return true;
}

#endif
