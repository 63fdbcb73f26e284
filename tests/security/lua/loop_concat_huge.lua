-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = setmetatable({}, {__len = function() return 1 << 60 end, __index = function() return "" end})
  table.concat(x)
  return ballot:allow()
end }
