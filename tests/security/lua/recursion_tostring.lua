-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow
return { vote = function(t, ballot)
  local x
  x = setmetatable({}, {__tostring = function() return tostring(x) end})
  tostring(x)
  return ballot:allow()
end }
