-- SPDX-License-Identifier: Apache-2.0
-- Refuses requests that are larger than an operator wants to see leave.

-- How long the body is: what it says of itself, or all that was seen; nil: longer than what was seen.
local function length_of(r)
  local said = tonumber(r.headers["content-length"])
  if r.body_complete then
    return #r.body
  end
  return said and said >= #r.body and said or nil
end

return {
  name = "size_limit",
  version = "1.0.0",
  summary = "Refuses requests that are too large.",
  codes = {
    BODY_TOO_LARGE = "The body is longer than max_body.",
    BODY_LENGTH_UNKNOWN = "The body does not say how long it is, and is longer than what the rule sees of it.",
    QUERY_TOO_LARGE = "The query is longer than max_query.",
    HEADERS_TOO_LARGE = "The headers are longer than max_headers.",
  },
  options = {
    max_body = { type = "integer", default = 1048576, help = "Most bytes of a body." },
    max_query = { type = "integer", default = 4096, help = "Most bytes of a query." },
    max_headers = { type = "integer", default = 16384, help = "Most bytes of all headers." },
  },
  inspect = function(r, ballot, options)
    if #r.query > options.max_query then
      return ballot:deny("QUERY_TOO_LARGE", "", "a query of %d bytes, where %d are allowed", #r.query, options.max_query)
    end
    local headers = 0
    for name, value in pairs(r.headers) do
      headers = headers + #name + #value
    end
    if headers > options.max_headers then
      return ballot:deny("HEADERS_TOO_LARGE", "", "headers of %d bytes, where %d are allowed", headers, options.max_headers)
    end
    local length = length_of(r)
    if not length then
      return ballot:deny("BODY_LENGTH_UNKNOWN", "",
        "a body that does not say its length; send one, or give the rule a larger inspect.body_bytes")
    end
    if length > options.max_body then
      return ballot:deny("BODY_TOO_LARGE", "", "a body of %d bytes, where %d are allowed", length, options.max_body)
    end
    return ballot:allow()
  end,
}
