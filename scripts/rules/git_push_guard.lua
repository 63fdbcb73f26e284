-- SPDX-License-Identifier: Apache-2.0
-- Git over HTTP: anybody clones and fetches, a push changes named refs only.

local zeros = ("0"):rep(40)

-- Whether the pattern is the ref; a * at its end stands for anything.
local function matches(pattern, ref)
  if pattern:sub(-1) == "*" then
    return ref:sub(1, #pattern - 1) == pattern:sub(1, -2)
  end
  return ref == pattern
end

local function is_named(ref, options)
  for _, pattern in ipairs(options.refs) do
    if matches(pattern, ref) then
      return true
    end
  end
  return false
end

-- The commands of a push, as {ref, deletes}; nil: the body does not have all of them, or they are none of these.
local function commands_of(body)
  local list, at = {}, 1
  while true do
    local length = tonumber(body:match("^%x%x%x%x", at) or "", 16)
    if length == 0 then
      return list
    end
    if not length or length < 5 or at + length - 1 > #body then
      return nil
    end
    local line = body:sub(at + 4, at + length - 1):match("^[^\0\n]*")
    local old, new, ref = line:match("^(%x+) (%x+) (%S+)$")
    if ref and #old >= 40 and #old == #new then
      list[#list + 1] = { ref = ref, deletes = new:sub(1, 40) == zeros }
    elseif not line:match("^shallow %x+$") then
      return nil
    end
    at = at + length
  end
end

local function judge_push(r, ballot, options)
  local encoding = r.headers["content-encoding"]
  local commands = not (encoding and encoding ~= "identity") and commands_of(r.body)
  if not commands then
    return ballot:deny("UNREADABLE_PUSH", "",
      "a push whose list of refs cannot be read; give the rule a larger inspect.body_bytes if it is long")
  end
  for _, command in ipairs(commands) do
    if not is_named(command.ref, options) then
      return ballot:deny("REF_NOT_NAMED", "", "a push to %s, which the option refs does not name", command.ref)
    end
    if command.deletes and not options.deletes then
      return ballot:deny("REF_DELETED", "", "a push that deletes %s", command.ref)
    end
  end
  return ballot:allow()
end

return {
  name = "git_push_guard",
  version = "1.0.0",
  summary = "Git over HTTP: clone yes, push only to named refs.",
  codes = {
    PUSH = "No ref may be pushed to.",
    REF_NOT_NAMED = "A push changes a ref that the option refs does not name.",
    REF_DELETED = "A push deletes a ref.",
    UNREADABLE_PUSH = "The refs of a push cannot be read.",
  },
  options = {
    refs = { type = "list", default = {}, help = "Refs that may be pushed to, such as refs/heads/agent/*." },
    deletes = { type = "boolean", default = false, help = "Whether those may be deleted." },
  },
  inspect = function(r, ballot, options)
    local push = r.path:find("/git%-receive%-pack/?$")
    local asks = r.path:find("/info/refs/?$") and r.query:find("git%-receive%-pack", 1)
    if (push or asks) and #options.refs == 0 then
      return ballot:deny("PUSH", "", "a push to %s, and no ref may be pushed to", r.host)
    end
    if push then
      return judge_push(r, ballot, options)
    end
    if asks or r.path:find("/git%-upload%-pack/?$") or r.path:find("/info/refs/?$") then
      return ballot:allow()
    end
    return ballot:abstain()
  end,
}
