-- SPDX-License-Identifier: Apache-2.0
-- fails with: wrap around|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  table.move({}, 1, 2, math.maxinteger)
  return ballot:allow()
end }
