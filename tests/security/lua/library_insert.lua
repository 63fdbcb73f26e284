-- SPDX-License-Identifier: Apache-2.0
-- fails with: table is read only
return { vote = function(t, ballot)
  table.insert(table, function() end)
  return ballot:allow()
end }
