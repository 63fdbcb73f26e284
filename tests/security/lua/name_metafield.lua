-- SPDX-License-Identifier: Apache-2.0
-- fails with: the name was: table
return { vote = function(t, ballot)
  error("the name was: " .. tostring(setmetatable({}, {__name = "evil"})), 0)
  return ballot:allow()
end }
