-- SPDX-License-Identifier: Apache-2.0
-- Calls of MCP tools by their arguments: each rule is "TOOL ARGUMENT PATTERN", the pattern one of Lua.

local value                                         -- reads a value of JSON; below

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function string_at(text, at)
  local close = at
  repeat
    close = text:find('["\\]', close + 1)
    if not close then
      error("no JSON")
    end
    local escaped = text:byte(close) == 92
    close = escaped and close + 1 or close
  until not escaped
  local raw = text:sub(at + 1, close - 1)
  if raw:find("\\", 1, true) then
    raw = raw:gsub("\\(.)(%x?%x?%x?%x?)", function(c, hex)
      return c == "u" and #hex == 4 and utf8.char(tonumber(hex, 16)) or (escapes[c] or c) .. hex
    end)
  end
  return raw, close + 1
end

local function members(text, at, close, read)
  at = skip(text, at + 1)
  while text:sub(at, at) ~= close do
    at = skip(text, read(at))
    local c = text:sub(at, at)
    if c == "," then
      at = skip(text, at + 1)
    elseif c ~= close then
      error("no JSON")
    end
  end
  return at + 1
end

function value(text, at)
  at = skip(text, at)
  local c = text:sub(at, at)
  local out = {}
  if c == '"' then
    return string_at(text, at)
  elseif c == "{" then
    return out, members(text, at, "}", function(from)
      local key, behind = string_at(text, from)
      if out[key] ~= nil then
        error("a name stands twice")
      end
      out[key], behind = value(text, skip(text, behind) + 1)
      return behind
    end)
  elseif c == "[" then
    return out, members(text, at, "]", function(from)
      local item, behind = value(text, from)
      out[#out + 1] = item
      return behind
    end)
  end
  local word = text:match("^[%w.+-]+", at) or error("no JSON")
  return word, at + #word
end

-- The texts of an argument: itself, or what is in it.
local function each_text(argument, visit)
  if type(argument) ~= "table" then
    return visit(argument or "")
  end
  for _, item in pairs(argument) do
    local found = each_text(item, visit)
    if found then
      return found
    end
  end
end

-- Tool, argument and pattern.
local function split(rule)
  return rule:match("^(%S+) (%S+) (.+)$")
end

local function judge_call(call, ballot, options)
  local tool, arguments = call.params.name, call.params.arguments or {}
  for _, rule in ipairs(options.deny) do
    local name, argument, pattern = split(rule)
    if (name == tool or name == "*") and arguments[argument] ~= nil and
      each_text(arguments[argument], function(text) return text:find(pattern) end) then
      return ballot:deny("ARGUMENT_DENIED", "", "%s with a %s that matches %s", tool, argument, pattern)
    end
  end
  for _, rule in ipairs(options.require) do
    local name, argument, pattern = split(rule)
    if name == tool and (arguments[argument] == nil or
      each_text(arguments[argument], function(text) return not text:find(pattern) end)) then
      return ballot:deny("ARGUMENT_REQUIRED", "", "%s without a %s that matches %s", tool, argument, pattern)
    end
  end
end

return {
  name = "mcp_tools",
  version = "1.0.0",
  summary = "Calls of MCP tools by their arguments.",
  codes = {
    ARGUMENT_DENIED = "An argument matches a pattern of deny.",
    ARGUMENT_REQUIRED = "An argument does not match a pattern of require.",
    UNREADABLE_CALL = "The body is no whole JSON-RPC call.",
  },
  options = {
    deny = { type = "list", default = {}, help = "Such as \"run command rm%s\": refused where the argument matches." },
    require = { type = "list", default = {}, help = "Such as \"read_file path ^/srv/\": refused unless it matches." },
  },
  inspect = function(r, ballot, options)
    if r.tool == "" then
      return ballot:abstain()
    end
    local ok, body = pcall(value, r.body, 1)
    if not ok or not r.body_complete or type(body) ~= "table" then
      return ballot:deny("UNREADABLE_CALL", "",
        "a call of %s that cannot be read; give the rule a larger inspect.body_bytes if it is long", r.tool)
    end
    for _, call in ipairs(body.method and { body } or body) do
      local tools = type(call) == "table" and call.method == "tools/call"
      if tools and (type(call.params) ~= "table" or body.method and call.params.name ~= r.tool) then
        return ballot:deny("UNREADABLE_CALL", "", "a call of %s whose parameters do not say so", r.tool)
      end
      local verdict = tools and judge_call(call, ballot, options)
      if verdict then
        return verdict
      end
    end
    return ballot:allow()
  end,
}
