-- SPDX-License-Identifier: Apache-2.0
-- Refuses rules that open whole domains, and policies that open too many hosts.

local function had_host(rule, host)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    if endpoint.host:lower() == host:lower() then
      return true
    end
  end
  return false
end

-- The first endpoint with a wildcard that the rule did not have before.
local function new_wildcard(rule, before)
  for _, endpoint in ipairs(rule.endpoints) do
    if endpoint.host:find("*", 1, true) and not had_host(before, endpoint.host) then
      return endpoint
    end
  end
end

local function refuse(ballot, endpoint)
  return ballot:deny("WILDCARD_HOST", endpoint.doc_path,
    "host %s opens a whole domain; name each host", endpoint.host)
end

local function count_hosts(policy)
  local seen, n = {}, 0
  for _, rule in pairs(policy and policy.rules or {}) do
    for _, endpoint in ipairs(rule.endpoints) do
      local host = endpoint.host:lower()
      if not seen[host] then
        seen[host], n = true, n + 1
      end
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
    for rule in t:added() do
      local endpoint = new_wildcard(rule)
      if endpoint then
        return refuse(ballot, endpoint)
      end
    end
    for change in t:changed() do
      local endpoint = new_wildcard(change.after, change.before)
      if endpoint then
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
