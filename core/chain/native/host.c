/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/native/host.h"

#include <stdio.h>
#include <string.h>

#include "base/ipaddr.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/enforceable.h"
#include "policy/match/match.h"
#include <sluice/version.h>

enum { MESSAGE_MAX = 1024 };

static void say(const struct sluice_host *face, const char *message)
{
    struct host *host = face->gateway;
    struct buf text = {0};
    printable_escape(&text, message ? message : "", message ? strnlen(message, MESSAGE_MAX) : 0,
                     "");
    pthread_mutex_lock(&host->mutex);
    if (host->starting)
        snprintf(host->said, sizeof host->said, "%s", buf_str(&text));
    text_make_valid(host->said, sizeof host->said);
    pthread_mutex_unlock(&host->mutex);
    log_info(host->log, "voter %s: %s", host->voter, buf_str(&text));
    buf_free(&text);
}

static bool host_match(const struct sluice_host *face, const char *pattern, const char *name)
{
    (void)face;
    return pattern && name && policy_host_match(pattern, name);
}

static bool cidr_contains(const struct sluice_host *face, const char *cidr, const char *address)
{
    (void)face;
    struct ipaddr_block block;
    struct ipaddr addr;
    return cidr && address && ipaddr_block_parse(cidr, &block) == 0
        && ipaddr_parse(address, &addr) == 0 && ipaddr_block_contains(&block, &addr);
}

static bool host_blocked(const struct sluice_host *face, const char *name)
{
    (void)face;
    return name && ipaddr_pattern_blocked(name);
}

static bool cidr_blocked(const struct sluice_host *face, const char *cidr)
{
    (void)face;
    struct ipaddr_block block;
    return cidr && ipaddr_block_parse(cidr, &block) == 0 && ipaddr_block_overlaps_blocked(&block);
}

static const char *endpoint_unenforceable(const struct sluice_host *face,
                                          const struct sluice_endpoint *endpoint)
{
    (void)face;
    return policy_endpoint_unenforceable(endpoint);
}

void host_open(struct host *host, const char *voter, const struct log *log)
{
    *host = (struct host){
        .face = {.size = sizeof host->face, .abi = SLUICE_ABI, .version = SLUICE_VERSION,
                 .gateway = host, .log = say, .host_match = host_match,
                 .cidr_contains = cidr_contains, .host_blocked = host_blocked,
                 .cidr_blocked = cidr_blocked, .endpoint_unenforceable = endpoint_unenforceable},
        .log = log,
        .voter = voter,
        .starting = true,
    };
    pthread_mutex_init(&host->mutex, NULL);
}

void host_started(struct host *host)
{
    pthread_mutex_lock(&host->mutex);
    host->starting = false;
    pthread_mutex_unlock(&host->mutex);
}

void host_close(struct host *host)
{
    pthread_mutex_destroy(&host->mutex);
}
