-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)|spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local s = string.rep("x", 500000)
  while true do local x = s .. "y" end
  return ballot:allow()
end }
