-- SPDX-License-Identifier: Apache-2.0
-- Whoever opens more says which ticket it is for.

-- The document path of something that may open more than before, or nil.
local function loosened(t)
  if t.relation == "loosens" or t.relation == "both" then
    return "network_policies"
  end
  for change in t:static_changes() do
    if change.after ~= "" then
      return change.path
    end
  end
end

return {
  name = "ticket_required",
  version = "1.0.0",
  summary = "Refuses changes whose reason names no ticket.",
  codes = {
    NO_TICKET = "The reason of the change names no ticket.",
  },
  options = {
    pattern = { type = "text", default = "%f[%w]%u%u+%-%d+%f[%W]", help = "The Lua pattern of a ticket, such as OPS-123." },
    example = { type = "text", default = "OPS-123", help = "A ticket to show to who forgot it." },
    tightening = { type = "boolean", default = false, help = "Whether changes that only tighten need one too." },
  },
  vote = function(t, ballot, options)
    local ticket = t.reason:match(options.pattern)
    if ticket then
      ballot:fact("ticket", ticket)
      return ballot:allow()
    end
    local path = loosened(t)
    if not path and not options.tightening then
      return ballot:allow()
    end
    return ballot:deny("NO_TICKET", path or "network_policies",
      "the reason names no ticket; say which one this is for, as in --reason '%s: why'", options.example)
  end,
}
