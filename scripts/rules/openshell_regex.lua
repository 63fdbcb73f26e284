-- SPDX-License-Identifier: Apache-2.0
-- The middleware openshell/regex of a policy: replaces keys of OpenAI in a body.

local most = 256 * 1024

return {
  name = "openshell_regex",
  version = "1.0.0",
  summary = "The middleware openshell/regex: replaces keys in a body.",
  options = {
    mode = { type = "text", help = "redact, the only one there is." },
  },
  inspect = function(r, ballot, options)
    if options.mode ~= "redact" then
      error("its config must be {mode: redact}")
    end
    local body = r.body
    if #body > most or not r.body_complete then
      error("the body has more than 256 KiB, or more than inspect.body_bytes")
    end
    if not utf8.len(body) then
      error("the body is no UTF-8")
    end
    local n = 0
    local redacted = body:gsub("sk%-([%w_-]+)", function(rest)
      if #rest >= 16 then
        n = n + 1
        return "[REDACTED]"
      end
    end)
    if n > 0 then
      ballot:set_body(redacted)
      ballot:fact("regex.openai", n)
    end
    return ballot:allow()
  end,
}
