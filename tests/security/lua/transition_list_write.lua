-- SPDX-License-Identifier: Apache-2.0
-- fails with: read only
return { vote = function(t, ballot)
  table.insert(t.candidate.rules.api.endpoints, {})
  return ballot:allow()
end }
