/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/peers.h"

#include <string.h>

#include "http/address.h"

static const struct schema_field fields[] = {
    {"address", SCHEMA_TEXT, offsetof(struct peers_settings, address),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "tcp:IP:PORT, where the other gateways of the store ask for what runs here"},
    {"advertise", SCHEMA_TEXT, offsetof(struct peers_settings, advertise),
     .help = "tcp:HOST:PORT, by which they reach that address; the default is the address"},
    {0},
};
const struct schema peers_schema = {
    .name = "peers", .size = sizeof(struct peers_settings), .fields = fields};

static bool is_any(const struct http_address *a)
{
    return strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
}

static bool check_address(const char *text, const char *path, bool listens,
                          struct http_address *out, struct problems *problems)
{
    struct error why;
    bool good = http_address_parse(text, out, &why) == 0;
    if (!good)
        problems_add(problems, path, 0, 0, "%s", why.text);
    else if (out->kind != HTTP_TCP || !out->port || (listens && !out->resolved))
        problems_add(problems, path, 0, 0, "%s: it has to be tcp:%s:PORT, as the other gateways "
                     "of the store reach it", text, listens ? "IP" : "HOST");
    return good;
}

void peers_settings_check(struct peers_settings *s, struct problems *problems)
{
    struct http_address address, advertised;
    if (!s)
        return;
    bool advertises = s->advertise && *s->advertise;
    if (!advertises)
        s->advertise = s->address;
    if (!check_address(s->address, "peers.address", true, &address, problems) ||
        (advertises && !check_address(s->advertise, "peers.advertise", false, &advertised,
                                      problems)))
        return;
    if (!advertises && is_any(&address))
        problems_add(problems, "peers.address", 0, 0, "%s is no address that others can dial: say "
                     "in peers.advertise which they should", s->address);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool peers_settings_same(const struct peers_settings *a, const struct peers_settings *b)
{
    return a && b ? same_text(a->address, b->address) && same_text(a->advertise, b->advertise)
                  : !a && !b;
}
