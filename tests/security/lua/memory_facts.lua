-- SPDX-License-Identifier: Apache-2.0
-- fails with: gave more than [0-9]+ facts
return { vote = function(t, ballot)
  for i = 1, 1000 do ballot:fact("k" .. i, string.rep("v", 1000)) end
  return ballot:allow()
end }
