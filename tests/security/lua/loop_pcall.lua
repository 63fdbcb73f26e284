-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  while true do pcall(function() while true do end end) end
  return ballot:allow()
end }
