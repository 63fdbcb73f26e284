-- SPDX-License-Identifier: Apache-2.0
-- Only hosts below domains that this site trusts.

-- Without regard to case, the dot of the root and the brackets of an address.
local function plain(host)
  local name = host:lower()
  local last = name:sub(-1)
  if last == "." or last == "]" then
    name = name:gsub("%.$", ""):gsub("^%[(.*)%]$", "%1")
  end
  return name
end

-- The domains themselves, and those that others may be below: an address has nothing below it.
local function sets_of(domains)
  local exact, above = {}, {}
  for _, domain in ipairs(domains) do
    domain = plain(domain)
    exact[domain] = true
    above[domain] = domain:find("%D$")
  end
  return { exact = exact, above = above }
end

local function is_within(name, domains)
  if domains.exact[name] then
    return true
  end
  local above = name:match("%.(.+)")
  while above and not domains.above[above] do
    above = above:match("%.(.+)")
  end
  return above ~= nil
end

-- Most hosts are written plainly.
local function is_allowed(host, domains)
  return is_within(host, domains) or is_within(plain(host), domains)
end

local function had_host(rule, host)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    if plain(endpoint.host) == plain(host) then
      return true
    end
  end
  return false
end

-- The first endpoint outside of the domains that the rule did not have before.
local function outside(rule, before, domains)
  for _, endpoint in ipairs(rule.endpoints) do
    if not is_allowed(endpoint.host, domains) and not had_host(before, endpoint.host) then
      return endpoint
    end
  end
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
    local domains = sets_of(options.domains)
    for rule in t:added() do
      local endpoint = outside(rule, nil, domains)
      if endpoint then
        return refuse(ballot, endpoint)
      end
    end
    for change in t:changed() do
      local endpoint = outside(change.after, change.before, domains)
      if endpoint then
        return refuse(ballot, endpoint)
      end
    end
    return ballot:allow()
  end,
}
