-- SPDX-License-Identifier: Apache-2.0
-- fails with: index is NaN
return { vote = function(t, ballot)
  local x = {}
  x[0 / 0] = 1
  return ballot:allow()
end }
