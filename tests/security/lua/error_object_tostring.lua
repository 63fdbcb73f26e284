-- SPDX-License-Identifier: Apache-2.0
-- fails with: raised a table
return { vote = function(t, ballot)
  error(setmetatable({}, {__tostring = function() while true do end end}))
  return ballot:allow()
end }
