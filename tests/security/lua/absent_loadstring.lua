-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value
return { vote = function(t, ballot)
  local x = loadstring.anything
  return ballot:allow()
end }
