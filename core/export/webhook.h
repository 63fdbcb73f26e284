/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a webhook's document, after the Standard Webhooks specification 1.0.0.  Pure. */
#ifndef EXPORT_WEBHOOK_H
#define EXPORT_WEBHOOK_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* Adds the lines webhook-id, webhook-timestamp and webhook-signature.  key: of the key file, base64
 * after "whsec_", or the bytes as they are. */
int export_webhook_sign(const char *id, int64_t now_ms, const struct buf *key,
                        const struct buf *body, json_t *fields, struct error *err);

#endif
