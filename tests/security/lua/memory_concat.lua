-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local list = {}
  for i = 1, 1000 do list[i] = string.rep("x", 10000) end
  local s = table.concat(list)
  return ballot:allow()
end }
