/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "secret/placeholder.h"
#include "secret/seal.h"

struct entry {
    struct secret_credential credential;
    char *placeholder;
};

struct secret_credentials {
    size_t n;
    struct entry items[];
};

struct secret_credentials *secret_credentials_new(const struct secret_credential *items, size_t n)
{
    struct secret_credentials *all = alloc_zero(1, sizeof *all + n * sizeof *all->items);
    all->n = n;
    for (size_t i = 0; i < n; i++) {
        struct buf text = {0};
        secret_placeholder(items[i].handle, items[i].name, &text);
        all->items[i] = (struct entry){
            .credential = {.provider = alloc_str(items[i].provider),
                           .profile = alloc_str(items[i].profile),
                           .name = alloc_str(items[i].name),
                           .handle = alloc_str(items[i].handle),
                           .value = alloc_str(items[i].value)},
            .placeholder = buf_take(&text)};
    }
    return all;
}

void secret_credentials_free(struct secret_credentials *all)
{
    for (size_t i = 0; all && i < all->n; i++) {
        struct secret_credential *c = &all->items[i].credential;
        secret_free((char *)c->value);
        free((char *)c->provider);
        free((char *)c->profile);
        free((char *)c->name);
        free((char *)c->handle);
        free(all->items[i].placeholder);
    }
    free(all);
}

size_t secret_credentials_count(const struct secret_credentials *all)
{
    return all ? all->n : 0;
}

const struct secret_credential *secret_credentials_at(const struct secret_credentials *all,
                                                      size_t i)
{
    return &all->items[i].credential;
}

const struct secret_credential *secret_credentials_find(const struct secret_credentials *all,
                                                        const char *text, size_t *len)
{
    const struct secret_credential *found = NULL;
    *len = 0;
    for (size_t i = 0; all && i < all->n; i++) {
        size_t n = strlen(all->items[i].placeholder);
        if (n > *len && strncmp(text, all->items[i].placeholder, n) == 0) {
            *len = n;
            found = &all->items[i].credential;
        }
    }
    return found;
}
