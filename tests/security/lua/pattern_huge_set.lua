-- SPDX-License-Identifier: Apache-2.0
-- fails with: too costly|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local set = "[" .. string.rep("a-b", 100000) .. "]*x"
  string.find(string.rep("q", 100000), set)
  return ballot:allow()
end }
