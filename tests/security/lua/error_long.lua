-- SPDX-License-Identifier: Apache-2.0
-- fails with: ^x+$
return { vote = function(t, ballot)
  error(string.rep("x", 500000), 0)
  return ballot:allow()
end }
