-- SPDX-License-Identifier: Apache-2.0
-- fails with: ended with: none
return { vote = function(t, ballot)
  local f = pairs(t.candidate.rules)
  for i = 1, 100 do f(ballot, t) end
  error("ended with: " .. (f() or "none"), 0)
  return ballot:allow()
end }
