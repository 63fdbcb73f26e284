-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)|spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local keep = {}
  pcall(function() for i = 1, 100000 do keep[i] = {i, i, i} end end)
  while true do local garbage = {1} end
  return ballot:allow()
end }
