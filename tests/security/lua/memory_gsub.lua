-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local s = string.rep("a", 1000)
  s = s:gsub(".", s):gsub(".", s)
  return ballot:allow()
end }
