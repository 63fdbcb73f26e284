-- SPDX-License-Identifier: Apache-2.0
-- fails with: read only
return { vote = function(t, ballot)
  table.sort(t.candidate.rules.api.endpoints, function() return true end)
  return ballot:allow()
end }
