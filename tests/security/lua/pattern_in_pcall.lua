-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local p, s = ("a?"):rep(28) .. ("a"):rep(28), ("a"):rep(28)
  while true do pcall(string.find, s, p) end
  return ballot:allow()
end }
