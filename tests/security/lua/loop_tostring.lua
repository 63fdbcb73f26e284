-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = setmetatable({}, {__tostring = function() while true do end end})
  tostring(x)
  return ballot:allow()
end }
