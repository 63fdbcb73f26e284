-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local list = {}
  for i = 1, 1000 do list[i] = i end
  table.sort(list, function(a, b) while true do end end)
  return ballot:allow()
end }
