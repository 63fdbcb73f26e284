/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns/message.h"

#include <string.h>

enum { HEADER_SIZE = 12, LABEL_MAX = 63, CLASS_IN = 1, UDP_SIZE = 1232, OPT_SIZE = 11 };
enum { FLAG_ANSWER = 0x80, FLAG_CUT = 0x02, FLAG_DESIRED = 0x01 };          /* in byte 2 */
enum { FLAG_AVAILABLE = 0x80, FLAG_UNCHECKED = 0x10 };                      /* in byte 3 */

_Static_assert(HEADER_SIZE + EGRESS_DNS_NAME_MAX + 4 + 12 + EGRESS_DNS_NAME_MAX + OPT_SIZE <=
               EGRESS_DNS_ANSWER_SIZE, "the longest answer");

struct reader {
    const uint8_t *bytes;
    size_t len, at;
};

static unsigned read_u16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* The next n bytes, or NULL when there are fewer. */
static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *bytes = r->bytes + r->at;
    if (n > r->len - r->at)
        return NULL;
    r->at += n;
    return bytes;
}

/* The first name of a message has nothing to point back to, so it has no pointers. */
static bool skip_name(struct reader *r)
{
    size_t start = r->at;
    for (;;) {
        const uint8_t *length = take(r, 1);
        if (!length || *length > LABEL_MAX || !take(r, *length) ||
            r->at - start > EGRESS_DNS_NAME_MAX)
            return false;
        if (*length == 0)
            return true;
    }
}

static bool read_options(const uint8_t *data, size_t len)
{
    struct reader r = {data, len, 0};
    while (r.at < r.len) {
        const uint8_t *option = take(&r, 4);
        if (!option || !take(&r, read_u16(option + 2)))
            return false;
    }
    return true;
}

/* The only record that a query has beside its question. */
static bool read_opt(struct reader *r, struct egress_dns_query *out, unsigned *version)
{
    const uint8_t *opt = take(r, OPT_SIZE);
    if (!opt || opt[0] != 0 || read_u16(opt + 1) != DNS_TYPE_OPT)
        return false;
    const uint8_t *options = take(r, read_u16(opt + 9));
    if (!options || !read_options(options, read_u16(opt + 9)))
        return false;
    *version = opt[6];
    out->edns = true;
    out->dnssec_ok = opt[7] & 0x80;
    return true;
}

/* The counts of records, and a flag that only an answer has. */
static bool has_shape_of_query(const uint8_t *header)
{
    return !(header[2] & FLAG_CUT) && read_u16(header + 4) == 1 && read_u16(header + 6) == 0 &&
           read_u16(header + 8) == 0 && read_u16(header + 10) <= 1;
}

static int read_rest(struct reader *r, struct egress_dns_query *out)
{
    const uint8_t *question = r->bytes + r->at, *fixed;
    unsigned version = 0;
    if (!skip_name(r) || !(fixed = take(r, 4)))
        return DNS_FORMAT_ERROR;
    size_t question_len = (size_t)(r->bytes + r->at - question);
    if ((read_u16(r->bytes + 10) == 1 && !read_opt(r, out, &version)) || r->at != r->len)
        return DNS_FORMAT_ERROR;
    out->question = question;
    out->question_len = question_len;
    out->type = (uint16_t)read_u16(fixed);
    if (version != 0)
        return DNS_BAD_VERSION;
    return read_u16(fixed + 2) == CLASS_IN ? DNS_NO_ERROR : DNS_NOT_IMPLEMENTED;
}

int egress_dns_query_read(const uint8_t *bytes, size_t len, struct egress_dns_query *out)
{
    struct reader r = {bytes, len, HEADER_SIZE};
    *out = (struct egress_dns_query){0};
    if (len < HEADER_SIZE || (bytes[2] & FLAG_ANSWER))
        return -1;
    out->id = (uint16_t)read_u16(bytes);
    out->opcode = bytes[2] >> 3 & 15;
    out->recursion_desired = bytes[2] & FLAG_DESIRED;
    out->checking_disabled = bytes[3] & FLAG_UNCHECKED;
    if (out->opcode != 0)
        return DNS_NOT_IMPLEMENTED;
    if (len > EGRESS_DNS_QUERY_MAX || !has_shape_of_query(bytes))
        return DNS_FORMAT_ERROR;
    return read_rest(&r, out);
}

/* The labels with dots between them.  A dot within a label would make two of it. */
static size_t write_text(const uint8_t *name, char out[EGRESS_DNS_NAME_MAX])
{
    size_t len = 0;
    for (; *name; name += *name + 1) {
        if (memchr(name + 1, '.', *name))
            return 0;
        if (len > 0)
            out[len++] = '.';
        memcpy(out + len, name + 1, *name);
        len += *name;
    }
    return len;
}

bool egress_dns_query_host(const struct egress_dns_query *query, char out[IPADDR_HOST_SIZE])
{
    char text[EGRESS_DNS_NAME_MAX];
    struct ipaddr literal;
    size_t len = query->question_len > 0 ? write_text(query->question, text) : 0;
    return len > 0 && ipaddr_canonical_host(text, len, out) == 0 &&
           ipaddr_parse(out, &literal) != 0;
}

size_t egress_dns_name_write(const char *host, uint8_t out[EGRESS_DNS_NAME_MAX])
{
    size_t at = 0;
    while (*host) {
        size_t label = strcspn(host, ".");
        out[at] = (uint8_t)label;
        memcpy(out + at + 1, host, label);
        at += label + 1;
        host += label + (host[label] == '.');
    }
    out[at] = 0;
    return at + 1;
}

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Its owner is a pointer to the name of the question. */
static uint8_t *put_record(uint8_t *at, const struct egress_dns_record *record)
{
    at = put_u16(at, 0xc000 | HEADER_SIZE);
    at = put_u16(at, record->type);
    at = put_u16(at, CLASS_IN);
    at = put_u16(at, record->ttl_s >> 16);
    at = put_u16(at, record->ttl_s & 0xffff);
    at = put_u16(at, (unsigned)record->len);
    memcpy(at, record->data, record->len);
    return at + record->len;
}

static uint8_t *put_opt(uint8_t *at, const struct egress_dns_query *query,
                        enum egress_dns_code code)
{
    *at++ = 0;
    at = put_u16(at, DNS_TYPE_OPT);
    at = put_u16(at, UDP_SIZE);
    at = put_u16(at, (unsigned)code >> 4 << 8);     /* the upper bits of the code, version 0 */
    at = put_u16(at, query->dnssec_ok ? 0x8000 : 0);
    return put_u16(at, 0);
}

size_t egress_dns_answer_write(const struct egress_dns_query *query, enum egress_dns_code code,
                               const struct egress_dns_record *record,
                               uint8_t out[EGRESS_DNS_ANSWER_SIZE])
{
    bool has_record = code == DNS_NO_ERROR && record && record->type != 0;
    uint8_t *at = put_u16(out, query->id);
    *at++ =
        (uint8_t)(FLAG_ANSWER | query->opcode << 3 | (query->recursion_desired ? FLAG_DESIRED : 0));
    *at++ =
        (uint8_t)(FLAG_AVAILABLE | (query->checking_disabled ? FLAG_UNCHECKED : 0) | (code & 15));
    at = put_u16(at, query->question_len > 0);
    at = put_u16(at, has_record);
    at = put_u16(at, 0);
    at = put_u16(at, query->edns);
    if (query->question_len > 0)
        memcpy(at, query->question, query->question_len);
    at += query->question_len;
    if (has_record)
        at = put_record(at, record);
    if (query->edns)
        at = put_opt(at, query, code);
    return (size_t)(at - out);
}
