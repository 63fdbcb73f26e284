-- SPDX-License-Identifier: Apache-2.0
-- fails with: loop|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local x = {}
  setmetatable(x, {__index = x})
  local y = x.anything
  return ballot:allow()
end }
