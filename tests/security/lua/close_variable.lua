-- SPDX-License-Identifier: Apache-2.0
-- fails with: may not have __close
return { vote = function(t, ballot)
  local x <close> = setmetatable({}, {__close = function() while true do end end})
  return ballot:allow()
end }
