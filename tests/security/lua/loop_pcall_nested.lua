-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local function again() pcall(again) again() end
  while true do pcall(again) end
  return ballot:allow()
end }
