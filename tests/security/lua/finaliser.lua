-- SPDX-License-Identifier: Apache-2.0
-- fails with: may not have __gc
return { vote = function(t, ballot)
  setmetatable({}, {__gc = function() while true do end end})
  return ballot:allow()
end }
