-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  table.sort(setmetatable({}, {__len = function() return 1 << 60 end}))
  return ballot:allow()
end }
