/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/answer.h"

#include <ares.h>
#include <string.h>
#include <strings.h>

enum { HEADER_SIZE = 12, CLASS_IN = 1, TYPE_CNAME = 5, RECORDS_MAX = 256 };

struct message {
    const unsigned char *bytes;
    size_t len, at;
};

struct record {
    char owner[256];
    int type, class;
    size_t data, size;                              /* of its data, within the message */
};

static int read_u16(const struct message *m, size_t at)
{
    return m->bytes[at] << 8 | m->bytes[at + 1];
}

/* Expands the name at `at` into out; returns how many bytes it takes there, or -1. */
static long read_name(const struct message *m, size_t at, char out[256])
{
    char *text;
    long used;
    if (at >= m->len || ares_expand_name(m->bytes + at, m->bytes, (int)m->len, &text, &used) != 0)
        return -1;
    size_t len = strlen(text);
    if (len < 256)
        memcpy(out, text, len + 1);
    ares_free_string(text);
    return len < 256 ? used : -1;
}

static int read_question(struct message *m, const char *host, int type)
{
    char name[256];
    if (m->len < HEADER_SIZE || read_u16(m, 4) != 1)
        return ARES_EBADRESP;
    long used = read_name(m, HEADER_SIZE, name);
    m->at = HEADER_SIZE + (size_t)used;
    if (used < 0 || m->at + 4 > m->len || strcasecmp(name, host) != 0 ||
        read_u16(m, m->at) != type || read_u16(m, m->at + 2) != CLASS_IN)
        return ARES_EBADRESP;
    m->at += 4;
    return ARES_SUCCESS;
}

static int read_record(struct message *m, struct record *out)
{
    long used = read_name(m, m->at, out->owner);
    if (used < 0 || m->at + (size_t)used + 10 > m->len)
        return ARES_EBADRESP;
    m->at += (size_t)used;
    out->type = read_u16(m, m->at);
    out->class = read_u16(m, m->at + 2);
    out->size = (size_t)read_u16(m, m->at + 8);
    out->data = m->at + 10;
    m->at = out->data + out->size;
    return m->at <= m->len ? ARES_SUCCESS : ARES_EBADRESP;
}

/* How many records of the answer section are looked at. */
static int count_records(const struct message *m)
{
    int n = read_u16(m, 6);
    return n < RECORDS_MAX ? n : RECORDS_MAX;
}

/* If owner is an alias, it becomes what that is an alias of. */
static int follow_alias(struct message m, char owner[256], bool *found)
{
    struct record record;
    *found = false;
    for (int left = count_records(&m); left > 0 && !*found; left--) {
        if (read_record(&m, &record) != ARES_SUCCESS)
            return ARES_EBADRESP;
        if (record.class != CLASS_IN || record.type != TYPE_CNAME ||
            strcasecmp(record.owner, owner) != 0)
            continue;
        if (read_name(&m, record.data, owner) != (long)record.size)
            return ARES_EBADRESP;
        *found = true;
    }
    return ARES_SUCCESS;
}

static int add_addresses(struct message m, const char *owner, int type, struct egress_answer *out)
{
    struct record record;
    size_t size = type == EGRESS_TYPE_A ? 4 : 16;
    for (int left = count_records(&m); left > 0; left--) {
        if (read_record(&m, &record) != ARES_SUCCESS)
            return ARES_EBADRESP;
        if (record.class != CLASS_IN || record.type != type || strcasecmp(record.owner, owner) != 0)
            continue;
        if (record.size != size)
            return ARES_EBADRESP;
        if (out->n == EGRESS_ANSWER_MAX)
            continue;
        struct ipaddr *address = &out->addresses[out->n++];
        *address = (struct ipaddr){.family = type == EGRESS_TYPE_A ? AF_INET : AF_INET6};
        memcpy(address->bytes, m.bytes + record.data, size);
    }
    return ARES_SUCCESS;
}

int egress_answer_read(const unsigned char *bytes, size_t len, const char *host, int type,
                       struct egress_answer *out)
{
    struct message m = {bytes, len, 0};
    char owner[256];
    bool found = true;
    out->n = 0;
    if (len > 65535 || read_question(&m, host, type) != ARES_SUCCESS)
        return ARES_EBADRESP;
    strcpy(owner, host);
    for (int i = 0; found; i++) {
        if (i > EGRESS_ALIASES_MAX || follow_alias(m, owner, &found) != ARES_SUCCESS)
            return ARES_EBADRESP;                   /* the aliases go round, or on and on */
    }
    int status = add_addresses(m, owner, type, out);
    if (status != ARES_SUCCESS)
        out->n = 0;
    return status == ARES_SUCCESS && out->n == 0 ? ARES_ENODATA : status;
}
