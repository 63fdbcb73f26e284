-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local list = {}
  for i = 1, math.maxinteger do list[i % 5000 + 1] = string.rep("x", 100000) .. i end
  return ballot:allow()
end }
