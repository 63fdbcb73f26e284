/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/certificate.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/principal.h"
#include "auth/token.h"
#include "net/certificate.h"

static const char dns[] = "dns:";

static bool is_dns(const char *subject)
{
    return strncmp(subject, dns, strlen(dns)) == 0;
}

static int check(struct schema_decoder *d, void *record)
{
    struct auth_certificate *c = record;
    if (*c->name && !token_name_is_good(c->name))
        return schema_problem(d, NULL, "a name in records is 1 to 64 of a-z, A-Z, 0-9, '.', '_', "
                                       "'@' and '-', not '%s'", c->name);
    if (is_dns(c->subject) ? !c->subject[strlen(dns)] : !strchr(c->subject, '='))
        return schema_problem(d, NULL,
                              "a subject is a distinguished name such as CN=alice,O=team, or "
                              "dns:NAME, not '%s'", c->subject);
    if (!is_dns(c->subject)) {
        char *normal = net_certificate_subject(c->subject);
        c->subject = arena_str(schema_arena(d), normal);
        free(normal);
    }
    if (!*c->name && strlen(c->subject) >= sizeof((struct auth_principal){0}.name))
        return schema_problem(d, NULL, "the subject is too long for records: give a name too");
    c->name = *c->name ? c->name : c->subject;
    return 0;
}

static const struct schema_field fields[] = {
    {"subject", SCHEMA_TEXT, offsetof(struct auth_certificate, subject),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "Its subject (RFC 4514), or dns:NAME of its subjectAltName"},
    {"role", SCHEMA_TEXT, offsetof(struct auth_certificate, role), .flags = SCHEMA_REQUIRED,
     .help = "What its bearer may do"},
    {"name", SCHEMA_TEXT, offsetof(struct auth_certificate, name),
     .help = "Who its bearer is, in records; the subject unless it is given"},
    {0},
};
const struct schema auth_certificate_schema = {.name = "certificate",
                                               .size = sizeof(struct auth_certificate),
                                               .fields = fields,
                                               .finish = check};

static bool fits(const struct auth_certificate *entry, const struct net_certificate *c)
{
    if (!is_dns(entry->subject))
        return *c->subject && strcmp(entry->subject, c->subject) == 0;
    for (size_t i = 0; i < c->n_dns; i++)
        if (strcasecmp(entry->subject + strlen(dns), c->dns[i]) == 0)
            return true;
    return false;
}

const struct auth_certificate *auth_certificate_find(const struct auth_certificate *const *entries,
                                                     size_t n,
                                                     const struct net_certificate *certificate,
                                                     int64_t now_ms)
{
    for (size_t i = 0; certificate->expires_s > now_ms / 1000 && i < n; i++)
        if (fits(entries[i], certificate))
            return entries[i];
    return NULL;
}
