/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/ciphers.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

static bool is_preferred(const SSL_CIPHER *cipher)
{
    return strcmp(SSL_CIPHER_get_name(cipher), "TLS_AES_128_GCM_SHA256") == 0;
}

static void add_ciphers(struct buf *list, const STACK_OF(SSL_CIPHER) *all, bool preferred)
{
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        if (strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") != 0 ||
            is_preferred(cipher) != preferred)
            continue;
        buf_puts(list, list->len ? ":" : "");
        buf_puts(list, SSL_CIPHER_get_name(cipher));
    }
}

void egress_ciphers_order(SSL_CTX *ctx)
{
    struct buf list = {0};
    add_ciphers(&list, SSL_CTX_get_ciphers(ctx), true);
    add_ciphers(&list, SSL_CTX_get_ciphers(ctx), false);
    SSL_CTX_set_ciphersuites(ctx, buf_str(&list));
    buf_free(&list);
}
