-- SPDX-License-Identifier: Apache-2.0
-- fails with: too complex
return { vote = function(t, ballot)
  string.find(string.rep("a", 100000), string.rep("a?", 100000) .. "b")
  return ballot:allow()
end }
