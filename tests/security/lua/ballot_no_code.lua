-- SPDX-License-Identifier: Apache-2.0
-- fails with: without a code
return { vote = function(t, ballot)
  do return ballot:deny("", "", "no") end
  return ballot:allow()
end }
