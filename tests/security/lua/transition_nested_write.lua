-- SPDX-License-Identifier: Apache-2.0
-- fails with: read only
return { vote = function(t, ballot)
  t.candidate.rules.api.endpoints[1].host = "evil.example.com"
  return ballot:allow()
end }
