-- SPDX-License-Identifier: Apache-2.0
-- fails with: must return a table
return 5
