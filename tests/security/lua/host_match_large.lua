-- SPDX-License-Identifier: Apache-2.0
-- fails with: spent its (time|[0-9]+ steps)
return { vote = function(t, ballot)
  local host, pattern = ("a."):rep(100000), ("*."):rep(100000)
  while true do sluice.host_match(pattern, host) end
  return ballot:allow()
end }
