-- SPDX-License-Identifier: Apache-2.0
-- Refuses rules that open whole domains.

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

return {
  name = "no_wildcards",
  version = "1.0.0",
  summary = "Refuses rules that open whole domains.",
  codes = {
    WILDCARD_HOST = "A rule opens every host of a domain.",
  },
  vote = function(t, ballot)
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
    return ballot:allow()
  end,
}
