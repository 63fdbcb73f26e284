-- SPDX-License-Identifier: Apache-2.0
-- The sandboxes of this site reach the Internet and nothing within.
--
-- Judges what the policy says: a public name that a resolver maps to a private address is the
-- proxy's to refuse, which it does unless allowed_ips or the exact host open it.

-- A name without a dot, but for that of the root.
local function is_local(host)
  local dot = host:find(".", 1, true)
  return (not dot or dot == #host) and host ~= "" and not host:find(":", 1, true)
end

local function is_private_host(host, options)
  return sluice.cidr_contains(options.networks, host) or sluice.host_within(host, options.suffixes) or is_local(host)
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
local function new_part(endpoint, host, before, options)
  if is_private_host(host, options) and not had_host(before, host) then
    return "host " .. host
  end
  for _, block in ipairs(endpoint.allowed_ips) do
    if sluice.cidr_overlaps(options.networks, block) and not had_block(before, block) then
      return "allowed_ips entry " .. block
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
    local within = { networks = options.networks, within = options.suffixes, local_names = true }
    for endpoint, host, before in t:changed_endpoints(within) do
      local part = new_part(endpoint, host, before, options)
      if part then
        return refuse(ballot, endpoint, part)
      end
    end
    return ballot:allow()
  end,
}
