-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  string.rep("", 1 << 40)
  return ballot:allow()
end }
