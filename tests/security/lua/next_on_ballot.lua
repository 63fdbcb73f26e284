-- SPDX-License-Identifier: Apache-2.0
-- fails with: table expected
return { vote = function(t, ballot)
  next(ballot)
  return ballot:allow()
end }
