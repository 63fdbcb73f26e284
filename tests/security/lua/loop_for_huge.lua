-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  for i = 1, math.maxinteger do end
  return ballot:allow()
end }
