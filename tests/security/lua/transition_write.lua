-- SPDX-License-Identifier: Apache-2.0
-- fails with: read only
return { vote = function(t, ballot)
  t.kind = "create"
  return ballot:allow()
end }
