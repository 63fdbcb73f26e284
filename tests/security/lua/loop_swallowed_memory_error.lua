-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its [0-9]+ MB of memory|more than [0-9]+ bytes|spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  while true do
    pcall(function()
      local list = {}
      while true do list[#list + 1] = string.rep("x", 100000) .. #list end
    end)
  end
  return ballot:allow()
end }
