-- SPDX-License-Identifier: Apache-2.0
-- fails with: returned deny after casting allow
return { vote = function(t, ballot)
  local no = ballot:deny("X", "", "no")
  ballot:allow()
  do return no end
  return ballot:allow()
end }
