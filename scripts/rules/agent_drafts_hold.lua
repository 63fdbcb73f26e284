-- SPDX-License-Identifier: Apache-2.0
-- What an agent proposes waits for a person, in sandboxes that approve by themselves too.

local function has(list, text)
  for _, item in ipairs(list) do
    if item == text then
      return true
    end
  end
  return false
end

-- Distinct people who approved; neither who asked nor a sandbox is one of them.
local function people(draft)
  local seen, n = {}, 0
  for _, approval in ipairs(draft.approvals) do
    local person = approval.role ~= "sandbox" and approval.actor ~= draft.author and not has(draft.asked_by, approval.actor)
    if person and not seen[approval.actor] then
      seen[approval.actor] = true
      n = n + 1
    end
  end
  return n
end

-- Where the first rule that the draft would add or change stands.
local function first_path(t)
  for rule in t:added() do
    return rule.doc_path
  end
  for change in t:changed() do
    return change.after.doc_path
  end
  return "network_policies"
end

return {
  name = "agent_drafts_hold",
  version = "1.0.0",
  summary = "Holds what an agent proposes until people have approved it.",
  codes = {
    AGENT_DRAFT = "The draft comes from an agent, and too few people have approved it.",
  },
  options = {
    sources = { type = "list", default = { "agent" }, help = "Sources of drafts that wait: agent, mechanistic, held, operator." },
    approvals = { type = "integer", default = 1, help = "People who must approve." },
  },
  vote = function(t, ballot, options)
    if not t.draft or not has(options.sources, t.draft.source) then
      return ballot:allow()
    end
    local n = people(t.draft)
    ballot:fact("approvals", n)
    if n >= options.approvals then
      return ballot:allow()
    end
    return ballot:hold("AGENT_DRAFT", first_path(t),
      "proposed by %s (%s): %d of %d people have approved it", t.draft.author, t.draft.source, n, options.approvals)
  end,
}
