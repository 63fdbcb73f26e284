-- SPDX-License-Identifier: Apache-2.0
-- fails with: zero bytes
return { vote = function(t, ballot)
  do return ballot:deny("X\0Y", "", "no") end
  return ballot:allow()
end }
