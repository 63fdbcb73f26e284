-- SPDX-License-Identifier: Apache-2.0
-- fails with: colon
return { vote = function(t, ballot)
  ballot.allow(t)
  return ballot:allow()
end }
