-- SPDX-License-Identifier: Apache-2.0
-- fails with: invalid conversion|spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local s = string.format("%1000000000d", 1)
  return ballot:allow()
end }
