-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow|spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local function f(n) return 1 + f(n + 1) end
  f(1)
  return ballot:allow()
end }
