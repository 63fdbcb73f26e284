-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  table.move({}, 1, 300000000, 2)
  return ballot:allow()
end }
