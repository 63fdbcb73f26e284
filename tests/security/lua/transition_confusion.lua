-- SPDX-License-Identifier: Apache-2.0
-- fails with: colon
return { vote = function(t, ballot)
  t.added(ballot)
  return ballot:allow()
end }
