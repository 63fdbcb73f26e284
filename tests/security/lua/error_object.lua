-- SPDX-License-Identifier: Apache-2.0
-- fails with: raised a table
return { vote = function(t, ballot)
  error({})
  return ballot:allow()
end }
