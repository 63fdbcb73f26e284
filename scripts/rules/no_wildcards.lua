-- SPDX-License-Identifier: Apache-2.0
-- Refuses rules that open whole domains, and policies that open too many hosts.

local find = string.find

local function had_host(rule, host)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    if endpoint.host:lower() == host:lower() then
      return true
    end
  end
  return false
end

local function refuse(ballot, endpoint)
  return ballot:deny("WILDCARD_HOST", endpoint.doc_path,
    "host %s opens a whole domain; name each host", endpoint.host)
end

local function count_hosts(policy)
  local seen, n = {}, 0
  for _, host in sluice.endpoints(policy) do
    host = host:lower()
    if not seen[host] then
      seen[host], n = true, n + 1
    end
  end
  return n
end

return {
  name = "no_wildcards",
  version = "1.1.0",
  summary = "Refuses rules that open whole domains.",
  codes = {
    WILDCARD_HOST = "A rule opens every host of a domain.",
    TOO_MANY_HOSTS = "The policy opens more hosts than one sandbox may reach.",
  },
  options = {
    max_hosts = { type = "integer", default = 0, help = "Most hosts one sandbox may reach; 0: any number." },
  },
  vote = function(t, ballot, options)
    for endpoint, host, before in t:changed_endpoints() do
      if find(host, "*", 1, true) and not had_host(before, host) then
        return refuse(ballot, endpoint)
      end
    end
    -- A policy that opens too many already may still shrink.
    local hosts = options.max_hosts > 0 and count_hosts(t.candidate) or 0
    if hosts > options.max_hosts and hosts > count_hosts(t.current) then
      return ballot:deny("TOO_MANY_HOSTS", "network_policies",
        "%d hosts, where %d are allowed", hosts, options.max_hosts)
    end
    return ballot:allow()
  end,
}
