-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local s = string.rep("a", 500000)
  while true do string.gsub(s, ".", pcall) end
  return ballot:allow()
end }
