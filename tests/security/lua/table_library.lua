-- SPDX-License-Identifier: Apache-2.0
-- fails with: table is read only
return { vote = function(t, ballot)
  table.sort = nil
  return ballot:allow()
end }
