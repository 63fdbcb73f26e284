/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/effect/effect_parts.h"

enum shape {
    DEAD = EFFECT_SHAPE_DEAD,
    START = EFFECT_SHAPE_START,
    HOST_DIGITS,                                    /* of the last label: digits so far */
    HOST_HEX,
    HOST_X,                                         /* hex digits behind an x */
    HOST_0X,                                        /* and a 0 before it: a number to resolvers */
    HOST_NAME,
    HOST_DOT,
    PATH_SLASH,
    PATH_DOT,
    PATH_DOTS,
    PATH_NAME,
};

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_char(uint32_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/* Hosts from their end: names alone, as wildcards never match addresses. */
static enum shape host_shape(enum shape shape, uint32_t c)
{
    bool hex = is_digit(c) || (c >= 'a' && c <= 'f');
    if (c == '.')
        return shape == HOST_HEX || shape == HOST_X || shape == HOST_NAME ? HOST_DOT : DEAD;
    if (!is_host_char(c))
        return DEAD;
    if ((shape == START || shape == HOST_DIGITS) && is_digit(c))
        return HOST_DIGITS;
    if ((shape == START || shape == HOST_DIGITS || shape == HOST_HEX) && (hex || c == 'x'))
        return hex ? HOST_HEX : HOST_X;
    return shape == HOST_X && c == '0' ? HOST_0X : HOST_NAME;
}

static enum shape binary_shape(enum shape shape, uint32_t c)
{
    if (c == '/')
        return shape == START || shape == PATH_NAME ? PATH_SLASH : DEAD;
    if (shape == START)
        return DEAD;
    if (c == '.' && (shape == PATH_SLASH || shape == PATH_DOT))
        return shape == PATH_SLASH ? PATH_DOT : PATH_DOTS;
    return PATH_NAME;
}

/* Paths of requests may have empty segments. */
static enum shape path_shape(enum shape shape, uint32_t c)
{
    if (c == '/')
        return shape == PATH_DOT || shape == PATH_DOTS ? DEAD : PATH_SLASH;
    return binary_shape(shape, c);
}

uint32_t effect_shape_after(enum effect_language language, uint32_t shape, uint32_t c)
{
    switch (language) {
    case EFFECT_HOSTS:
        return host_shape(shape, c);
    case EFFECT_BINARIES:
        return binary_shape(shape, c);
    case EFFECT_PATHS:
        return path_shape(shape, c);
    default:
        return PATH_NAME;
    }
}

bool effect_shape_accepts(enum effect_language language, uint32_t shape)
{
    return shape == HOST_NAME || shape == HOST_HEX || shape == HOST_X || shape == PATH_NAME ||
           (language == EFFECT_PATHS && shape == PATH_SLASH) ||
           (language == EFFECT_TEXTS && shape == START);
}
