-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow
return { vote = function(t, ballot)
  local function f(s) return (s:gsub(".", f)) end
  f("a")
  return ballot:allow()
end }
