-- SPDX-License-Identifier: Apache-2.0
-- fails with: cast deny but returned nothing
return { vote = function(t, ballot)
  ballot:deny("X", "", "no")
  do return nil end
  return ballot:allow()
end }
