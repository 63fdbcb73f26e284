-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value
return { vote = function(t, ballot)
  local x = dofile.anything
  return ballot:allow()
end }
