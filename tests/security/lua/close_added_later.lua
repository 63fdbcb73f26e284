-- SPDX-License-Identifier: Apache-2.0
-- fails with: non-closable
return { vote = function(t, ballot)
  local mt = {}
  local object = setmetatable({}, mt)
  mt.__close = function() while true do end end
  local x <close> = object
  return ballot:allow()
end }
