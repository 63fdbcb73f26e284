-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  string.rep("", 1 << 20, string.rep("x", 1 << 19))
  return ballot:allow()
end }
