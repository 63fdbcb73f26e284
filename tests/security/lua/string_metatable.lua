-- SPDX-License-Identifier: Apache-2.0
-- fails with: index a nil value|protected|table expected
return { vote = function(t, ballot)
  getmetatable("").__index = nil
  return ballot:allow()
end }
