-- SPDX-License-Identifier: Apache-2.0
-- fails with: read only
return { vote = function(t, ballot)
  ballot.allow = nil
  return ballot:allow()
end }
