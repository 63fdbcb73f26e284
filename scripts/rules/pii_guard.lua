-- SPDX-License-Identifier: Apache-2.0
-- Refuses requests that carry personal data in query or body.

-- Whether the digits are those of a payment card (Luhn).
local function is_card(digits)
  local sum, double = 0, false
  for i = #digits, 1, -1 do
    local d = digits:byte(i) - 48
    if double then
      d = d * 2
      d = d > 9 and d - 9 or d
    end
    sum, double = sum + d, not double
  end
  return sum % 10 == 0
end

local find, search = string.find, {}

function search.card(text)
  for run in text:gmatch("%f[%w]%d[%d %-]+%d%f[%W]") do
    local digits = run:gsub("[ %-]", "")
    if #digits >= 13 and #digits <= 19 and is_card(digits) then
      return true
    end
  end
end

function search.ssn(text)
  for area, group, serial in text:gmatch("%f[%w](%d%d%d)%-(%d%d)%-(%d%d%d%d)%f[%W]") do
    if area ~= "000" and area ~= "666" and area < "900" and group ~= "00" and serial ~= "0000" then
      return true
    end
  end
end

function search.iban(text)
  for country, rest in text:gmatch("%f[%w](%u%u%d%d)([%u%d ]+)") do
    local n = #rest:gsub(" ", "")
    if n >= 11 and n <= 30 then
      return true
    end
  end
end

function search.email(text)
  return find(text, "[%w._%%+-]+@[%w-]+%.[%w.-]*%a%a") ~= nil
end

-- What a text has in any case that has such data; most texts have none of it.
local marks = { card = "%d[%d %-]", ssn = "%d%d%d", iban = "%d%d", email = "@" }

local function carries(text, kind)
  return find(text, marks[kind]) and search[kind](text)
end

-- As a server reads it.
local function decoded(query)
  if not find(query, "%", 1, true) and not find(query, "+", 1, true) then
    return query
  end
  return (query:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local words = { card = "number of a payment card", ssn = "social security number", iban = "IBAN", email = "mail address" }

return {
  name = "pii_guard",
  version = "1.0.0",
  summary = "Refuses requests that carry personal data.",
  codes = {
    PERSONAL_DATA = "Query or body have personal data.",
    UNKNOWN_KIND = "The option kinds names a kind that is not known.",
  },
  options = {
    kinds = { type = "list", default = { "card", "ssn", "iban" }, help = "Any of card, ssn, iban, email." },
    allow_hosts = { type = "list", default = {}, help = "Patterns of hosts that may get such data." },
    hold = { type = "boolean", default = false, help = "Leave the decision to a person." },
  },
  inspect = function(r, ballot, options)
    for _, pattern in ipairs(options.allow_hosts) do
      if sluice.host_match(pattern, r.host) then
        return ballot:allow()
      end
    end
    local query, body, kinds = decoded(r.query), r.body, options.kinds
    for i = 1, #kinds do
      local kind = kinds[i]
      if not marks[kind] then
        return ballot:deny("UNKNOWN_KIND", "", "no kind of personal data is called %s", kind)
      end
      local place = carries(body, kind) and "body" or carries(query, kind) and "query"
      if place then
        local cast = options.hold and ballot.hold or ballot.deny
        return cast(ballot, "PERSONAL_DATA", "", "the %s of the request to %s has a %s", place, r.host, words[kind])
      end
    end
    return ballot:allow()
  end,
}
