-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local a, b = string.rep("x", 1000000), string.rep("x", 1000000)
  while a == b do b = string.rep("x", 999999) .. "x" end
  return ballot:allow()
end }
