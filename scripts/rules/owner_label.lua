-- SPDX-License-Identifier: Apache-2.0
-- No network before somebody answers for the sandbox.

return {
  name = "owner_label",
  version = "1.0.0",
  summary = "Refuses network rules for a sandbox without the label that names its owner.",
  codes = {
    NO_OWNER = "The sandbox lacks the label that names its owner.",
  },
  options = {
    label = { type = "text", default = "owner", help = "The label that every sandbox with network must have." },
  },
  vote = function(t, ballot, options)
    local owner = t.sandbox.labels[options.label]
    if owner and owner ~= "" then
      ballot:fact("owner", owner)
      return ballot:allow()
    end
    if #t.candidate.rules == 0 then
      return ballot:allow()
    end
    return ballot:deny("NO_OWNER", "network_policies",
      "sandbox %s has no label %s: it gets no network before somebody answers for it", t.sandbox.name, options.label)
  end,
}
