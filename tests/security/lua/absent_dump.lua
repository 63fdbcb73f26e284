-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value
return { vote = function(t, ballot)
  string.dump(function() end)
  return ballot:allow()
end }
