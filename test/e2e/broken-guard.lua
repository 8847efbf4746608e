-- A defect, for guard.test.ts: the guard fails when it has passed a C-STORE's command.
local pdu = require "pdu"
function pdu.end_of_run() error("broken for a test") end
