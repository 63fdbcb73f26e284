-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)|too many results
return { vote = function(t, ballot)
  local x = table.unpack({}, 1, 100000000)
  return ballot:allow()
end }
