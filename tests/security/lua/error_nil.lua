-- SPDX-License-Identifier: Apache-2.0
-- fails with: raised a nil
return { vote = function(t, ballot)
  error(nil)
  return ballot:allow()
end }
