-- SPDX-License-Identifier: Apache-2.0
-- fails with: no UTF-8
return { vote = function(t, ballot)
  error("\xff\xfe", 0)
  return ballot:allow()
end }
