/* SPDX-License-Identifier: Apache-2.0 */
#include "api/limits.h"

/* Encodes a size such as 512M, in the largest exact unit. */
static json_t *encode_size(int64_t bytes)
{
    static const char units[] = " KMGT";
    int unit = 0;
    while (unit < 4 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    return unit ? json_sprintf("%lld%c", (long long)bytes, units[unit])
                : json_sprintf("%lld", (long long)bytes);
}

static json_t *or_null(int64_t value, json_t *encoded)
{
    if (value)
        return encoded;
    json_decref(encoded);
    return json_null();
}

/* Why the first of the limits cannot be enforced; NULL: all can. */
static const char *why_not(const struct runtime_host *host)
{
    return host->no_memory ? host->no_memory : host->no_cpus ? host->no_cpus : host->no_pids;
}

json_t *api_limits_json(const struct api_call *call, const struct store_sandbox *s)
{
    const struct runtime_host *host = &call->api->host;
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
