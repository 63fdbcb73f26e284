-- SPDX-License-Identifier: Apache-2.0
-- fails with: the address was: table
return { vote = function(t, ballot)
  error("the address was: " .. tostring({}), 0)
  return ballot:allow()
end }
