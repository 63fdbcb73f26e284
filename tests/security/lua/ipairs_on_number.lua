-- SPDX-License-Identifier: Apache-2.0
-- fails with: table expected|number value
return { vote = function(t, ballot)
  for _ in ipairs(5) do end
  return ballot:allow()
end }
