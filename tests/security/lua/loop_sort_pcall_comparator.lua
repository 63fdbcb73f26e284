-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local list = {}
  for i = 1, 20000 do list[i] = i end
  while true do table.sort(list, pcall) end
  return ballot:allow()
end }
