-- SPDX-License-Identifier: Apache-2.0
-- Only hosts below domains that this site trusts.

local function had_host(rule, host)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    if sluice.host_within(endpoint.host, host) and sluice.host_within(host, endpoint.host) then
      return true
    end
  end
  return false
end

local function refuse(ballot, endpoint)
  if endpoint.host == "" then
    return ballot:deny("NO_HOST", endpoint.doc_path, "the endpoint names no host, so it may reach any domain; name one")
  end
  return ballot:deny("DOMAIN_NOT_ALLOWED", endpoint.doc_path,
    "host %s is not within the domains that this site allows", endpoint.host)
end

return {
  name = "allowed_domains",
  version = "1.0.0",
  summary = "Refuses hosts outside of a list of domains.",
  codes = {
    DOMAIN_NOT_ALLOWED = "A rule opens a host outside of the allowed domains.",
    NO_HOST = "A rule opens addresses without naming a host.",
  },
  options = {
    domains = {
      type = "list", default = {},
      help = "Domains such as example.com: the name itself and all below it. Addresses stand for themselves.",
    },
  },
  vote = function(t, ballot, options)
    for endpoint, host, before in t:changed_endpoints({ outside = options.domains }) do
      if not had_host(before, host) then
        return refuse(ballot, endpoint)
      end
    end
    return ballot:allow()
  end,
}
