-- SPDX-License-Identifier: Apache-2.0
-- The sandboxes of this site reach the Internet and nothing within.
--
-- Judges what the policy says: a public name that a resolver maps to a private address is the
-- proxy's to refuse, which it does unless allowed_ips or the exact host open it.

local function base(block)
  return (block:gsub("/.*", ""))
end

-- Whether an address or a block has an address in common with a network.
local function overlaps(network, block)
  local first = base(network)
  return sluice.cidr_contains(network, base(block))
    or sluice.cidr_contains(block, first)
    or (not first:find(":", 1, true) and sluice.cidr_contains(block, "::ffff:" .. first))
end

local function is_private_block(block, networks)
  for _, network in ipairs(networks) do
    if overlaps(network, block) then
      return true
    end
  end
  return false
end

local function is_private_address(address, networks)
  for _, network in ipairs(networks) do
    if sluice.cidr_contains(network, address) then
      return true
    end
  end
  return false
end

-- A name without a dot, or below one of the suffixes.
local function is_private_name(name, suffixes)
  local above = name:match("%.(.+)")
  if not above then
    return name ~= ""
  end
  while above and not suffixes[above] do
    above = above:match("%.(.+)")
  end
  return above ~= nil or suffixes[name]
end

-- Without regard to case, the dot of the root and the brackets of an address.
local function plain(host)
  local name = host:lower()
  local last = name:sub(-1)
  if last == "." or last == "]" then
    name = name:gsub("%.$", ""):gsub("^%[(.*)%]$", "%1")
  end
  return name
end

local function is_private_host(host, within)
  local name = plain(host)
  if name:find("%d$") or name:find(":", 1, true) then
    return is_private_address(name, within.networks)
  end
  return is_private_name(name, within.suffixes)
end

local function had_host(rule, host)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    if endpoint.host == host then
      return true
    end
  end
  return false
end

local function had_block(rule, block)
  for _, endpoint in ipairs(rule and rule.endpoints or {}) do
    for _, other in ipairs(endpoint.allowed_ips) do
      if other == block then
        return true
      end
    end
  end
  return false
end

-- What one endpoint opens within that the rule did not open before.
local function new_part(endpoint, before, within)
  local host = endpoint.host
  if is_private_host(host, within) and not had_host(before, host) then
    return "host " .. host
  end
  for _, block in ipairs(endpoint.allowed_ips) do
    if is_private_block(block, within.networks) and not had_block(before, block) then
      return "allowed_ips entry " .. block
    end
  end
end

-- The first endpoint that opens something within, and what.
local function opened(rule, before, within)
  for _, endpoint in ipairs(rule.endpoints) do
    local part = new_part(endpoint, before, within)
    if part then
      return endpoint, part
    end
  end
end

local function refuse(ballot, endpoint, part)
  return ballot:deny("PRIVATE_NETWORK", endpoint.doc_path,
    "%s reaches the site's own network, which sandboxes may not", part)
end

return {
  name = "no_private_networks",
  version = "1.0.0",
  summary = "Refuses hosts and address blocks within the site's own network.",
  codes = {
    PRIVATE_NETWORK = "A rule opens a private address or a name that only means something within.",
  },
  options = {
    networks = {
      type = "list",
      default = {
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
        "64:ff9b::a00:0/104", "64:ff9b::ac10:0/108", "64:ff9b::c0a8:0/112",
        "2002:a00::/24", "2002:ac10::/28", "2002:c0a8::/32",
      },
      help = "Address blocks of the site's own network.",
    },
    suffixes = {
      type = "list", default = { "internal", "intranet", "local", "lan", "corp", "home.arpa" },
      help = "Domains that only mean something within; names without a dot always do.",
    },
  },
  vote = function(t, ballot, options)
    local within = { networks = options.networks, suffixes = {} }
    for _, suffix in ipairs(options.suffixes) do
      within.suffixes[suffix] = true
    end
    for rule in t:added() do
      local endpoint, part = opened(rule, nil, within)
      if endpoint then
        return refuse(ballot, endpoint, part)
      end
    end
    for change in t:changed() do
      local endpoint, part = opened(change.after, change.before, within)
      if endpoint then
        return refuse(ballot, endpoint, part)
      end
    end
    return ballot:allow()
  end,
}
