/* SPDX-License-Identifier: Apache-2.0 */
#include "api/limits.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS_MIN = 8, PIDS_MAX = 2048, CPU_MILLIS_MIN = 10, CPU_MILLIS_MAX = 1024 * 1000 };

#define MEMORY_MIN (INT64_C(16) << 20)
#define MEMORY_MAX (INT64_C(1) << 50)

/* Bytes, or -1 for what is no size. */
static int64_t parse_size(const char *text)
{
    static const char units[] = "KMGT";
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 16)
        return -1;
    long long number = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = unit ? (int)(unit - units + 1) * 10 : 0;
    const char *rest = unit ? end + 1 : end;
    if (*rest && strcasecmp(rest, "i") != 0 && strcasecmp(rest, "b") != 0 && strcasecmp(rest, "ib") != 0)
        return -1;
    return number > (MEMORY_MAX >> shift) ? MEMORY_MAX + 1 : number << shift;
}

static void refuse(struct api_call *call, const char *what, const char *why)
{
    if (why)
        problems_add(&call->problems, what, 0, 0, "%s cannot be limited on this host: %s", what, why);
}

static void read_memory(struct api_call *call, const char *text, int64_t *out)
{
    *out = parse_size(text);
    if (*out < MEMORY_MIN || *out > MEMORY_MAX)
        problems_add(&call->problems, "memory", 0, 0,
                     "'%s' is no memory size: write bytes, or a number with K, M, G or T, such as 512M; at least 16M", text);
    else
        refuse(call, "memory", call->api->host.no_memory);
}

static void read_cpus(struct api_call *call, double cpus, int64_t *out)
{
    double millis = cpus * 1000;
    *out = millis >= CPU_MILLIS_MIN && millis <= CPU_MILLIS_MAX ? (int64_t)(millis + 0.5) : 0;
    if (!*out)
        problems_add(&call->problems, "cpus", 0, 0, "cpus is a number of processors from 0.01 to 1024, not %g", cpus);
    else
        refuse(call, "cpus", call->api->host.no_cpus);
}

static void read_pids(struct api_call *call, int64_t pids, int64_t *out)
{
    *out = pids;
    if (pids < PIDS_MIN || pids > PIDS_MAX)
        problems_add(&call->problems, "pids", 0, 0, "pids is a number of processes and threads from %d to %d, not %lld",
                     PIDS_MIN, PIDS_MAX, (long long)pids);
    else
        refuse(call, "pids", call->api->host.no_pids);
}

void api_limits_read(struct api_call *call, const struct body_create *body,
                     struct store_sandbox *out)
{
    if (*body->memory)
        read_memory(call, body->memory, &out->memory_bytes);
    if (body->cpus != 0)
        read_cpus(call, body->cpus, &out->cpu_millis);
    if (body->pids != 0)
        read_pids(call, body->pids, &out->pids);
}

/* Such as 512M, in the largest unit that is exact. */
static json_t *encode_size(int64_t bytes)
{
    static const char units[] = " KMGT";
    int unit = 0;
    while (unit < 4 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    return unit ? json_sprintf("%lld%c", (long long)bytes, units[unit]) : json_sprintf("%lld", (long long)bytes);
}

static json_t *or_null(int64_t value, json_t *encoded)
{
    if (value)
        return encoded;
    json_decref(encoded);
    return json_null();
}

/* The first thing that cannot be limited. */
static const char *why_not(const struct api_host *host)
{
    return host->no_memory ? host->no_memory : host->no_cpus ? host->no_cpus : host->no_pids;
}

json_t *api_limits_json(const struct api_call *call, const struct store_sandbox *s)
{
    const struct api_host *host = &call->api->host;
    return json_pack("{s:o, s:o, s:o, s:o, s:s?, s:s?}",
                     "memory", or_null(s->memory_bytes, encode_size(s->memory_bytes)),
                     "memory_bytes", or_null(s->memory_bytes, json_integer(s->memory_bytes)),
                     "cpus", or_null(s->cpu_millis, json_real((double)s->cpu_millis / 1000)),
                     "pids", or_null(s->pids, json_integer(s->pids)),
                     "cgroup", host->cgroup, "reason", why_not(host));
}

json_t *api_limits_host(const struct api *api)
{
    return json_pack("{s:s?, s:b, s:b, s:b, s:s?}", "cgroup", api->host.cgroup,
                     "memory", api->host.no_memory == NULL, "cpus", api->host.no_cpus == NULL,
                     "pids", api->host.no_pids == NULL, "reason", why_not(&api->host));
}
