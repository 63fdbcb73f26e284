-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)|overflow|memory
return { vote = function(t, ballot)
  local function get(x, k) return x[k .. "x"] end
  local x = setmetatable({}, {__index = get})
  local y = x.a
  return ballot:allow()
end }
