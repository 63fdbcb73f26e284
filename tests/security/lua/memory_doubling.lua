-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes
return { vote = function(t, ballot)
  local s = "x"
  while true do s = s .. s end
  return ballot:allow()
end }
