-- SPDX-License-Identifier: Apache-2.0
-- fails with: returned another table|nil value|must be a function
-- A second run must not see what the first one left.
count = (count or 0) + 1
if count > 1 then return 5 end
return { vote = function(t, ballot) error("must be a function of the first run: " .. count, 0) end }
