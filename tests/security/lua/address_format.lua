-- SPDX-License-Identifier: Apache-2.0
-- fails with: addresses are not shown
return { vote = function(t, ballot)
  string.format("%p", {})
  return ballot:allow()
end }
