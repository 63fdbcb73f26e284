-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = setmetatable({}, {__len = function() while true do end end})
  table.concat(x)
  return ballot:allow()
end }
