-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = setmetatable({}, {__len = function() return math.maxinteger - 1 end})
  table.insert(x, 1, "a")
  return ballot:allow()
end }
