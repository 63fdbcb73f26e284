-- SPDX-License-Identifier: Apache-2.0
-- fails with: protected metatable
return { vote = function(t, ballot)
  setmetatable(string, {})
  return ballot:allow()
end }
