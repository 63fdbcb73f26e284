-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = setmetatable({}, {__index = function(x, k) while true do end end})
  local y = x.anything
  return ballot:allow()
end }
