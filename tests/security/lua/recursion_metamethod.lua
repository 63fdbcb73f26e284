-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow
return { vote = function(t, ballot)
  local mt = {}
  mt.__add = function(a, b) return a + b end
  local x = setmetatable({}, mt) + 1
  return ballot:allow()
end }
