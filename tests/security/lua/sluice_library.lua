-- SPDX-License-Identifier: Apache-2.0
-- fails with: sluice is read only
return { vote = function(t, ballot)
  sluice.host_match = function() return true end
  return ballot:allow()
end }
