-- SPDX-License-Identifier: Apache-2.0
-- fails with: has no order
return { vote = function(t, ballot)
  for k in pairs({[{}] = 1, [{}] = 2}) do end
  return ballot:allow()
end }
