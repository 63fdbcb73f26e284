-- SPDX-License-Identifier: Apache-2.0
-- fails with: table expected
return { vote = function(t, ballot)
  setmetatable(t, {})
  return ballot:allow()
end }
