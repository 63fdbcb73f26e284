/* SPDX-License-Identifier: Apache-2.0 */
/* One failure: what kind, and a text that says what is wrong, where, and what to do.
 *
 * A function that can fail returns 0 or -1 and takes a struct error * last; it fills that if and
 * only if it returns -1.  NULL is allowed where the caller does not care. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_KINDS(X)                                             \
    X(INTERNAL,     500, "internal-error")                         \
    X(MALFORMED,    400, "malformed")                              \
    X(UNAUTHORIZED, 401, "unauthorized")                           \
    X(FORBIDDEN,    403, "forbidden")                              \
    X(DENIED,       403, "denied")                                 \
    X(NOT_FOUND,    404, "not-found")                              \
    X(METHOD,       405, "method-not-allowed")                     \
    X(EXISTS,       409, "exists")                                 \
    X(STATE,        409, "wrong-state")                            \
    X(GONE,         410, "gone")                                   \
    X(MOVED,        412, "revision-moved")                         \
    X(TOO_LARGE,    413, "too-large")                              \
    X(MEDIA_TYPE,   415, "unsupported-media-type")                 \
    X(INVALID,      422, "invalid")                                \
    X(TOKEN,        428, "review-token-missing")                   \
    X(LIMIT,        429, "too-many")                               \
    X(UNSUPPORTED,  501, "unsupported")                            \
    X(IO,           500, "storage-failed")                         \
    X(UPSTREAM,     502, "sandbox-failed")                         \
    X(DRAINING,     503, "draining")                               \
    X(NOT_YET,      503, "not-yet")                                \
    X(UNAVAILABLE,  503, "store-unavailable")                      \
    X(TIMEOUT,      504, "timeout")

enum error_kind {
#define X(id, status, word) ERROR_##id,
    ERROR_KINDS(X)
#undef X
};

struct error {
    enum error_kind kind;
    char text[1024];
};

/* Fills err and returns -1, so that a failing function can say "return error_set(...)". */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Like error_set, with ": " and the text of errno appended. */
int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "<text>: " in front of what err says already and returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

int error_status(enum error_kind kind);             /* the HTTP status */
const char *error_word(enum error_kind kind);       /* the last part of a problem's type */
const char *error_word_of_status(int status);       /* of the first kind with this status */

#endif
