-- SPDX-License-Identifier: Apache-2.0
-- fails with: not made of
return { vote = function(t, ballot)
  do return ballot:deny("a b\n", "", "no") end
  return ballot:allow()
end }
