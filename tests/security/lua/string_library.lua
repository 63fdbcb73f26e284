-- SPDX-License-Identifier: Apache-2.0
-- fails with: string is read only
return { vote = function(t, ballot)
  string.rep = function() return "" end
  return ballot:allow()
end }
