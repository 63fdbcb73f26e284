/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses, CIDR blocks and what kind of place an address is.
 * Literals are read strictly: no decimal, octal, hex or short IPv4.  Any thread. */
#ifndef BASE_IPADDR_H
#define BASE_IPADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { IPADDR_TEXT_SIZE = 64 };

struct ipaddr {
    int family;                                     /* AF_INET or AF_INET6 */
    uint8_t bytes[16];
};

struct ipaddr_block {
    struct ipaddr base;
    unsigned prefix;
};

enum ipaddr_class {
    IPADDR_PUBLIC,
    IPADDR_INTERNAL,                                /* private, special and unrouted ranges */
    IPADDR_BLOCKED,                                 /* loopback, link-local, multicast, metadata */
};

int ipaddr_parse(const char *text, struct ipaddr *out);             /* brackets are not accepted */
/* CIDR, or an address as /32 or /128; host bits are cleared. */
int ipaddr_block_parse(const char *text, struct ipaddr_block *out);
bool ipaddr_block_contains(const struct ipaddr_block *block, const struct ipaddr *addr);
/* Whether it reaches into a blocked network, also by an IPv4 address within IPv6; a single blocked
 * address inside a larger block does not count, as each address is judged again on connecting. */
bool ipaddr_block_overlaps_blocked(const struct ipaddr_block *block);
/* IPv6 forms that embed an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) have the
 * worse class of the two. */
enum ipaddr_class ipaddr_classify(const struct ipaddr *addr);
/* Whether it is an address of this machine, which the kernel is asked for. */
bool ipaddr_is_own(const struct ipaddr *addr);
char *ipaddr_text(const struct ipaddr *addr, char out[IPADDR_TEXT_SIZE]);
void ipaddr_to_sockaddr(const struct ipaddr *addr, uint16_t port, struct sockaddr_storage *out,
                        socklen_t *len);
int ipaddr_from_sockaddr(const struct sockaddr *sa, struct ipaddr *out, uint16_t *port);

/* A host as a policy or a request names it, made canonical once: lower case, one trailing dot
 * dropped, brackets of an IPv6 literal dropped and its text normalised.  Accepts DNS names of
 * [a-z0-9_-] labels (at most 253 bytes, 63 a label) and strict IP literals; -1 for everything
 * else, numeric forms such as 2130706433 or 0x7f.1 included.  out has room for 254 bytes. */
enum { IPADDR_HOST_SIZE = 254 };
int ipaddr_canonical_host(const char *host, size_t len, char out[IPADDR_HOST_SIZE]);
/* localhost and metadata host names, which no policy can open. */
bool ipaddr_host_blocked(const char *canonical_host);
/* The same of a host as a policy names it, wildcards included: a blocked name or address in any
 * spelling that is one. */
bool ipaddr_pattern_blocked(const char *pattern);

#endif
