/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ipaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { V4_BITS = 32, V6_BITS = 128 };

/* What kind of place an address is: the first row that contains it decides, so that the exceptions
 * of a range stand before it.  IPv6 outside 2000::/3 is not routed on the Internet. */
static const struct {
    struct ipaddr_block block;
    enum ipaddr_class class;
} places[] = {
#define V4(prefix, class, ...) {{{AF_INET, {__VA_ARGS__}}, prefix}, IPADDR_##class}
#define V6(prefix, class, ...) {{{AF_INET6, {__VA_ARGS__}}, prefix}, IPADDR_##class}
    V4(8, BLOCKED, 0),                   /* this host */
    V4(8, BLOCKED, 127),                 /* loopback */
    V4(16, BLOCKED, 169, 254),           /* link-local, where clouds keep their metadata */
    V4(32, BLOCKED, 100, 100, 100, 200), /* metadata of Alibaba Cloud */
    V4(32, BLOCKED, 168, 63, 129, 16),   /* platform address of Azure */
    V4(32, BLOCKED, 192, 0, 0, 192),     /* metadata of Oracle Cloud */
    V4(4, BLOCKED, 224),                 /* multicast */
    V4(4, BLOCKED, 240),                 /* reserved, and broadcast */
    V4(8, INTERNAL, 10),
    V4(12, INTERNAL, 172, 16),
    V4(16, INTERNAL, 192, 168),
    V4(10, INTERNAL, 100, 64),   /* carrier-grade NAT */
    V4(24, INTERNAL, 192, 0, 0), /* protocol assignments */
    V4(24, INTERNAL, 192, 0, 2), /* documentation */
    V4(24, INTERNAL, 198, 51, 100),
    V4(24, INTERNAL, 203, 0, 113),
    V4(15, INTERNAL, 198, 18),     /* benchmarking */
    V4(24, INTERNAL, 192, 88, 99), /* 6to4 relays */
    V4(0, PUBLIC, 0),
    V6(128, BLOCKED, 0),
    V6(128, BLOCKED, [15] = 1),                                  /* loopback */
    V6(10, BLOCKED, 0xfe, 0x80),                                 /* link-local */
    V6(10, BLOCKED, 0xfe, 0xc0),                                 /* site-local, deprecated */
    V6(8, BLOCKED, 0xff),                                        /* multicast */
    V6(128, BLOCKED, 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54), /* metadata of Amazon */
    V6(128, BLOCKED, 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54), /* metadata of Google */
    V6(48, BLOCKED, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01),         /* local NAT64: leads anywhere */
    V6(96, PUBLIC, [10] = 0xff, 0xff),        /* mapped: the embedded address decides */
    V6(96, PUBLIC, 0x00, 0x64, 0xff, 0x9b),   /* NAT64: likewise */
    V6(32, INTERNAL, 0x20, 0x01, 0x0d, 0xb8), /* documentation */
    V6(20, INTERNAL, 0x3f, 0xff),
    V6(48, INTERNAL, 0x20, 0x01, 0x00, 0x02), /* benchmarking */
    V6(28, INTERNAL, 0x20, 0x01, 0x00, 0x10), /* overlay identifiers */
    V6(28, INTERNAL, 0x20, 0x01, 0x00, 0x20),
    V6(3, PUBLIC, 0x20),
    V6(0, INTERNAL, 0),
#undef V4
#undef V6
};

/* Where IPv6 addresses carry an IPv4 address that the packet may end up at. */
static const struct embedding {
    unsigned prefix;                                /* bits of base that must agree */
    uint8_t base[16];
    unsigned at;                                    /* byte where the IPv4 address begins */
    uint8_t flip;                                   /* each of its bytes is written xor this */
} embeddings[] = {
    {96, {[10] = 0xff, 0xff}, 12, 0},               /* mapped, ::ffff:a.b.c.d */
    {96, {[8] = 0xff, 0xff}, 12, 0},                /* translated, ::ffff:0:a.b.c.d */
    {96, {0}, 12, 0},                               /* compatible, ::a.b.c.d */
    {96, {0x00, 0x64, 0xff, 0x9b}, 12, 0},          /* NAT64 */
    {16, {0x20, 0x02}, 2, 0},                       /* 6to4 */
    {32, {0x20, 0x01, 0x00, 0x00}, 4, 0},           /* Teredo: its server */
    {32, {0x20, 0x01, 0x00, 0x00}, 12, 0xff},       /* Teredo: its client */
};

#define BLOCKED_HOSTS(X)                                                                  \
    X("localhost") X("localhost.localdomain") X("localhost6") X("localhost6.localdomain6") \
    X("ip6-localhost") X("ip6-loopback")                                                  \
    X("metadata") X("metadata.goog") X("metadata.google.internal")                        \
    X("instance-data") X("instance-data.ec2.internal")

static const char *const blocked_hosts[] = {
#define X(text) text,
    BLOCKED_HOSTS(X)
#undef X
};

static unsigned bits_of(const struct ipaddr *addr)
{
    return addr->family == AF_INET ? V4_BITS : V6_BITS;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

int ipaddr_parse(const char *text, struct ipaddr *out)
{
    memset(out, 0, sizeof *out);
    out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(out->family, text, out->bytes) == 1 ? 0 : -1;
}

static int parse_prefix(const char *text, unsigned max, unsigned *out)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 3 || text[len] || (len > 1 && text[0] == '0'))
        return -1;
    *out = 0;
    for (size_t i = 0; i < len; i++)
        *out = *out * 10 + (unsigned)(text[i] - '0');
    return *out <= max ? 0 : -1;
}

static void clear_host_bits(struct ipaddr_block *block)
{
    for (unsigned i = 0; i < sizeof block->base.bytes; i++) {
        unsigned kept = block->prefix > i * 8 ? block->prefix - i * 8 : 0;
        if (kept < 8)
            block->base.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
}

int ipaddr_block_parse(const char *text, struct ipaddr_block *out)
{
    char base[IPADDR_TEXT_SIZE];
    size_t len = strcspn(text, "/");
    if (len >= sizeof base)
        return -1;
    memcpy(base, text, len);
    base[len] = '\0';
    if (ipaddr_parse(base, &out->base) != 0)
        return -1;
    out->prefix = bits_of(&out->base);
    if (text[len] && parse_prefix(text + len + 1, out->prefix, &out->prefix) != 0)
        return -1;
    clear_host_bits(out);
    return 0;
}

/* The IPv4 address that an address of family AF_INET6 carries, if it has that form. */
static bool is_embedded(const struct embedding *e, const struct ipaddr *addr, struct ipaddr *v4)
{
    if (!same_bits(addr->bytes, e->base, e->prefix))
        return false;
    *v4 = (struct ipaddr){.family = AF_INET};
    for (int i = 0; i < 4; i++)
        v4->bytes[i] = addr->bytes[e->at + (unsigned)i] ^ e->flip;
    return true;
}

/* Not a prefix: the form of the interface identifier, 0:5efe:a.b.c.d, perhaps with its flag
 * bits. */
static bool is_isatap(const struct ipaddr *addr, struct ipaddr *v4)
{
    const uint8_t *b = addr->bytes;
    if ((b[8] & ~3) || b[9] || b[10] != 0x5e || b[11] != 0xfe)
        return false;
    *v4 = (struct ipaddr){.family = AF_INET};
    memcpy(v4->bytes, b + 12, 4);
    return true;
}

static struct ipaddr unmapped(const struct ipaddr *addr)
{
    struct ipaddr v4;
    return addr->family == AF_INET6 && is_embedded(&embeddings[0], addr, &v4) ? v4 : *addr;
}

bool ipaddr_block_contains(const struct ipaddr_block *block, const struct ipaddr *addr)
{
    struct ipaddr plain = block->base.family == AF_INET ? unmapped(addr) : *addr;
    return block->base.family == plain.family
        && same_bits(block->base.bytes, plain.bytes, block->prefix);
}

static enum ipaddr_class class_of(const struct ipaddr *addr)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].block.base.family == addr->family
            && same_bits(places[i].block.base.bytes, addr->bytes, places[i].block.prefix))
            return places[i].class;
    return IPADDR_BLOCKED;
}

static enum ipaddr_class worse(enum ipaddr_class a, enum ipaddr_class b)
{
    return a > b ? a : b;
}

enum ipaddr_class ipaddr_classify(const struct ipaddr *addr)
{
    enum ipaddr_class class = class_of(addr);
    struct ipaddr v4;
    if (addr->family != AF_INET6)
        return class;
    for (size_t i = 0; i < sizeof embeddings / sizeof embeddings[0]; i++)
        if (is_embedded(&embeddings[i], addr, &v4))
            class = worse(class, class_of(&v4));
    return is_isatap(addr, &v4) ? worse(class, class_of(&v4)) : class;
}

/* A single blocked address inside a larger block does no harm, because each address is checked
 * again when it is connected to.  A block that reaches into a blocked network is an error of its
 * author. */
static bool reaches(const struct ipaddr_block *block, const struct ipaddr_block *blocked)
{
    if (block->base.family != blocked->base.family)
        return false;
    bool single = blocked->prefix == bits_of(&blocked->base);
    unsigned common = single || block->prefix > blocked->prefix ? blocked->prefix : block->prefix;
    return (!single || block->prefix == blocked->prefix)
        && same_bits(block->base.bytes, blocked->base.bytes, common);
}

static bool reaches_any(const struct ipaddr_block *block)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].class == IPADDR_BLOCKED && reaches(block, &places[i].block))
            return true;
    return false;
}

/* The IPv4 block that an IPv6 block within the embedding covers. */
static bool reaches_embedded(const struct ipaddr_block *block, const struct embedding *e)
{
    struct ipaddr_block v4;
    if (block->prefix < e->prefix || !is_embedded(e, &block->base, &v4.base))
        return false;
    unsigned before = e->at * 8;
    v4.prefix = block->prefix <= before ? 0 : block->prefix - before;
    if (v4.prefix > V4_BITS)
        v4.prefix = V4_BITS;
    clear_host_bits(&v4);
    return reaches_any(&v4);
}

bool ipaddr_block_overlaps_blocked(const struct ipaddr_block *block)
{
    if (reaches_any(block))
        return true;
    if (block->base.family != AF_INET6)
        return false;
    for (size_t i = 0; i < sizeof embeddings / sizeof embeddings[0]; i++)
        if (reaches_embedded(block, &embeddings[i]))
            return true;
    return block->prefix == V6_BITS && ipaddr_classify(&block->base) == IPADDR_BLOCKED;
}

char *ipaddr_text(const struct ipaddr *addr, char out[IPADDR_TEXT_SIZE])
{
    if (!inet_ntop(addr->family, addr->bytes, out, IPADDR_TEXT_SIZE))
        out[0] = '\0';
    return out;
}

void ipaddr_to_sockaddr(const struct ipaddr *addr, uint16_t port, struct sockaddr_storage *out,
                        socklen_t *len)
{
    memset(out, 0, sizeof *out);
    if (addr->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, addr->bytes, sizeof in->sin_addr);
        *len = sizeof *in;
    } else {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(port);
        memcpy(&in->sin6_addr, addr->bytes, sizeof in->sin6_addr);
        *len = sizeof *in;
    }
}

int ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *out, uint16_t *port)
{
    memset(out, 0, sizeof *out);
    out->family = sa->sa_family;
    uint16_t network_port;
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        memcpy(out->bytes, &in->sin_addr, sizeof in->sin_addr);
        network_port = in->sin_port;
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;
        memcpy(out->bytes, &in->sin6_addr, sizeof in->sin6_addr);
        network_port = in->sin6_port;
    } else {
        return -1;
    }
    if (port)
        *port = ntohs(network_port);
    return 0;
}

/* Hosts. */

static int canonical_v6(const char *text, size_t len, char *out)
{
    char plain[IPADDR_TEXT_SIZE];
    struct ipaddr addr;
    if (text[0] == '[') {
        if (len < 2 || text[len - 1] != ']')
            return -1;
        text++;
        len -= 2;
    }
    if (len >= sizeof plain)
        return -1;
    memcpy(plain, text, len);
    plain[len] = '\0';
    if (inet_pton(AF_INET6, plain, addr.bytes) != 1)
        return -1;
    addr.family = AF_INET6;
    ipaddr_text(&addr, out);
    return 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool has_fit_labels(const char *name)
{
    size_t label = 0;
    for (; *name; name++) {
        if (*name == '.' ? label == 0 : !is_name_char(*name))
            return false;
        label = *name == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label > 0;
}

/* Whether resolvers read the last label as a number, and so the name as an address. */
static bool ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    if (last[0] == '0' && last[1] == 'x')
        return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
    return last[strspn(last, "0123456789")] == '\0';
}

int ipaddr_canonical_host(const char *host, size_t len, char out[IPADDR_HOST_SIZE])
{
    struct ipaddr addr;
    if (memchr(host, '\0', len))
        return -1;
    if (memchr(host, ':', len))
        return canonical_v6(host, len, out);
    if (len > 1 && host[len - 1] == '.')
        len--;
    if (len == 0 || len >= IPADDR_HOST_SIZE)
        return -1;
    for (size_t i = 0; i < len; i++)
        out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    out[len] = '\0';
    if (ipaddr_parse(out, &addr) == 0)
        return 0;
    return has_fit_labels(out) && !ends_in_number(out) ? 0 : -1;
}

enum { BELOW_LOCALHOST = sizeof ".localhost" - 1 };

/* Most hosts are neither a blocked name nor a blocked address.  The next two functions tell so at a
 * fraction of the cost of a full search.
 *
 * By length and first letter, of which both cases have five bits in common. */
static bool may_be_blocked_name(const char *name, size_t len)
{
#define X(text) | UINT64_C(1) << (sizeof(text) - 1)
    const uint64_t lengths = 0 BLOCKED_HOSTS(X);
#undef X
#define X(text) | UINT32_C(1) << (*(text) & 31)
    const uint32_t letters = 0 BLOCKED_HOSTS(X);
#undef X
    bool listed = len < 64 && (lengths >> len & 1) && (letters >> (*name & 31) & 1);
    return listed || (len > BELOW_LOCALHOST && name[len - BELOW_LOCALHOST] == '.'
                      && (name[len - 1] | 0x20) == 't');
}

/* No address ends in a letter after f. */
static bool may_be_address(const char *text, size_t len)
{
    char last = len ? text[len - 1] : '\0';
    return last <= 'f' && ((last >= '0' && last <= '9') || memchr(text, ':', len));
}

static bool is_blocked_name(const char *name, size_t len)
{
    if (len > BELOW_LOCALHOST &&
        strncasecmp(name + len - BELOW_LOCALHOST, ".localhost", BELOW_LOCALHOST) == 0)
        return true;
    for (size_t i = 0; i < sizeof blocked_hosts / sizeof blocked_hosts[0]; i++)
        if (strncasecmp(name, blocked_hosts[i], len) == 0 && !blocked_hosts[i][len])
            return true;
    return false;
}

static bool is_blocked_address(const char *text, size_t len)
{
    char host[IPADDR_HOST_SIZE];
    struct ipaddr addr;
    return ipaddr_canonical_host(text, len, host) == 0 && ipaddr_parse(host, &addr) == 0
        && ipaddr_classify(&addr) == IPADDR_BLOCKED;
}

/* Not inlined: it needs registers and stack that the quick tests above do not. */
__attribute__((noinline))
static bool is_blocked(const char *pattern, size_t len)
{
    return is_blocked_name(pattern, len) || is_blocked_address(pattern, len);
}

bool ipaddr_host_blocked(const char *host)
{
    size_t len = strlen(host);
    return may_be_blocked_name(host, len) && is_blocked_name(host, len);
}

bool ipaddr_pattern_blocked(const char *pattern)
{
    size_t len = strlen(pattern);
    if (len > 1 && pattern[len - 1] == '.')
        return is_blocked(pattern, len - 1);
    return (may_be_blocked_name(pattern, len) || may_be_address(pattern, len))
        && is_blocked(pattern, len);
}

/* Whether the address is one of this machine, whose services may trust local connections.  A
 * datagram to such an address would have it as its source; none is sent. */
bool ipaddr_is_own(const struct ipaddr *address)
{
    struct sockaddr_storage to, from;
    struct ipaddr source;
    socklen_t len, from_len = sizeof from;
    int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ipaddr_to_sockaddr(address, 9, &to, &len);
    bool own = fd >= 0 && connect(fd, (struct sockaddr *)&to, len) == 0 &&
               getsockname(fd, (struct sockaddr *)&from, &from_len) == 0 &&
               ipaddr_from_sockaddr((struct sockaddr *)&from, &source, NULL) == 0 &&
               memcmp(source.bytes, address->bytes, sizeof source.bytes) == 0;
    if (fd >= 0)
        close(fd);
    return own;
}
