-- Counts, for small-pieces.test.ts, what the balancer's Lua looks at: headers of PDUs and PDVs, and bytes of datasets. The
-- command `work` on the runtime API tells it.
local pdu = require "pdu"
local elements = require "dataset"

local work = 0
local next_header = pdu.next

function pdu.next(...)
  work = work + 1
  return next_header(...)
end

package.loaded.dataset = function(bytes, ...)
  work = work + #bytes
  return elements(bytes, ...)
end

core.register_cli({ "work" }, "work: what Lua has looked at", function(applet) applet:send(work .. "\n") end)
