-- SPDX-License-Identifier: Apache-2.0
-- fails with: overflow|error in error handling|spent its [0-9]+ MB of memory|more than [0-9]+ bytes|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end
  f()
  return ballot:allow()
end }
