-- SPDX-License-Identifier: Apache-2.0
-- fails with: nil value .global 'rawset'
return { vote = function(t, ballot)
  rawset(t, "kind", "create")
  return ballot:allow()
end }
