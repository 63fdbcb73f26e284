-- SPDX-License-Identifier: Apache-2.0
-- Keeps a policy small enough to be read.

return {
  name = "max_endpoints",
  version = "1.0.0",
  summary = "Refuses policies that grow beyond a number of endpoints.",
  codes = {
    TOO_MANY_ENDPOINTS = "The policy has more endpoints than one sandbox may have.",
  },
  options = {
    max = { type = "integer", default = 50, help = "Most endpoints that one sandbox may have." },
  },
  vote = function(t, ballot, options)
    local function count(policy)
      local n = 0
      for _ in sluice.endpoints(policy) do
        n = n + 1
      end
      return n
    end
    local before, after = count(t.current), count(t.candidate)
    ballot:fact("endpoints", after)
    -- A policy that is too large already may still shrink.
    if after > options.max and after > before then
      return ballot:deny("TOO_MANY_ENDPOINTS", "network_policies",
        "%d endpoints, where %d are allowed", after, options.max)
    end
    return ballot:allow()
  end,
}
