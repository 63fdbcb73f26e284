-- SPDX-License-Identifier: Apache-2.0
-- fails with: does not declare
return {
  codes = { ONE = "The only one." },
  vote = function(t, ballot) return ballot:deny("TWO", "", "no") end,
}
