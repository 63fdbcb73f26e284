-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  while true do pcall(string.rep, "x", 1 << 30) end
  return ballot:allow()
end }
