-- SPDX-License-Identifier: Apache-2.0
-- fails with: may not have __mode
return { vote = function(t, ballot)
  setmetatable({}, {__mode = "k"})
  return ballot:allow()
end }
