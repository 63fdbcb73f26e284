/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials that one sandbox may use now.
 *
 * Ownership: a set copies what it is made of and overwrites the values when it is freed.  A set
 * never changes; one thread at a time. */
#ifndef SECRET_CREDENTIALS_H
#define SECRET_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct secret_credential {
    const char *provider;                           /* its name, as policies call it */
    const char *profile;
    const char *name;                               /* of the variable */
    const char *handle;                             /* SECRET_HANDLE_LEN digits */
    const char *value;
};

struct secret_credentials;

struct secret_credentials *secret_credentials_new(const struct secret_credential *items, size_t n);
void secret_credentials_free(struct secret_credentials *all);      /* NULL is fine */
size_t secret_credentials_count(const struct secret_credentials *all);          /* of NULL: 0 */
const struct secret_credential *secret_credentials_at(const struct secret_credentials *all,
                                                      size_t i);
/* Whose placeholder text begins with: of two, the one with the longer name.  len: of that
 * placeholder.  NULL: nobody's. */
const struct secret_credential *secret_credentials_find(const struct secret_credentials *all,
                                                        const char *text, size_t *len);

#endif
