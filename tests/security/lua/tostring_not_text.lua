-- SPDX-License-Identifier: Apache-2.0
-- fails with: must return a string
return { vote = function(t, ballot)
  tostring(setmetatable({}, {__tostring = function() return {} end}))
  return ballot:allow()
end }
