-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value
return { vote = function(t, ballot)
  math.random()
  return ballot:allow()
end }
