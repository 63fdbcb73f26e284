-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value
return { vote = function(t, ballot)
  string.pack("i4", 1)
  return ballot:allow()
end }
