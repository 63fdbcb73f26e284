/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy that holds refused requests, and what tests say about those that wait. */
#ifndef TESTS_SUPPORT_HOLDING_H
#define TESTS_SUPPORT_HOLDING_H

#include "support/inspected.h"

enum { HOLD_MS = 3600 * 1000 }; /* longer than a test */

static inline void holding_set(struct rig *rig, unsigned ms)
{
    egress_set_settings(rig->proxy, &(struct egress_settings){.hold_ms = ms});
}

/* The last number that was told. */
static inline unsigned waiting_now(const struct rig *rig)
{
    const char *text = buf_str(&rig->waiting), *at = text + rig->waiting.len;
    if (at == text)
        return 0;
    for (at--; at > text && at[-1] != '\n';)
        at--;
    return (unsigned)strtoul(at, NULL, 10);
}

static inline size_t count_in(const struct buf *all, const char *text)
{
    size_t n = 0;
    for (const char *at = buf_str(all); (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* The client has sent a request, which waits. */
static inline void holding_waits(struct rig *rig, const struct end *client)
{
    unsigned before = waiting_now(rig);
    UNTIL(rig, waiting_now(rig) > before);
    assert_int_equal(client->in.len, 0);
    assert_false(client->eof);
}

struct holding {
    struct rig rig;
    struct puppet puppet;
    struct end *client;
};

/* Nothing is allowed, and a client asks for a tunnel to the origin. */
static inline void holding_begin(struct holding *h)
{
    memset(h, 0, sizeof *h);
    rig_start(&h->rig, "");
    holding_set(&h->rig, HOLD_MS);
    h->puppet = rig_puppet(&h->rig, h->rig.client);
    h->client = rig_end(&h->rig, h->puppet.socket);
    end_send(h->client, rig_connect(&h->rig, "origin.test"));
    holding_waits(&h->rig, h->client);
}

static inline void holding_end(struct holding *h)
{
    puppet_end(&h->puppet);
    rig_stop(&h->rig);
}

#endif
