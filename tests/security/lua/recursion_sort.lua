-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow
return { vote = function(t, ballot)
  local function f(a, b) table.sort({1, 2, 3}, f) return a < b end
  f(1, 2)
  return ballot:allow()
end }
