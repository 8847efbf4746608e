-- What delayed binding takes at least in HAProxy, so that ours can be seen beside it: the client is answered with
-- BENCH_PROMISE (an A-ASSOCIATE-AC in hexadecimal), what it sends then is waited for, and the A-ASSOCIATE-AC of the PACS never
-- reaches it. Nothing is decided or checked, and nothing looked at that comes later: only for the clients of the benches. The filter
-- of hold-only.lua is told what dicom.lua tells it, and holds what the client sends until the PACS has accepted.

local PROMISE = os.getenv("BENCH_PROMISE"):gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)

-- Length of the PDU at the beginning of a channel, header included; nil if that is not there yet.
local function pdu_length(channel)
  return channel:input() >= 6 and 6 + string.unpack(">I4", channel:data(2, 4)) or nil
end

local function var(txn, name) return txn:get_var("txn.dicom." .. name) end
local function set(txn, name, value) txn:set_var("txn.dicom." .. name, value) end

local function wait()
  act.wake_time(60000)
  return act.YIELD
end

core.register_action("bench_promise", { "tcp-req" }, function(txn)
  if not var(txn, "promise") then
    set(txn, "promise", PROMISE)
    set(txn, "offer", txn.req:data(0, pdu_length(txn.req)))
    txn.res:send(PROMISE)
  end
  return txn.req:input() > #var(txn, "offer") and act.CONTINUE or wait()
end, 0)

core.register_action("bench_swallow", { "tcp-res" }, function(txn)
  if var(txn, "settled") then return act.CONTINUE end
  local length = pdu_length(txn.res)
  if not length or txn.res:input() < length then return wait() end
  txn.res:remove(0, length)
  set(txn, "settled", 1)
  core.yield() -- so that HAProxy calls the filter for what it holds
  return act.CONTINUE
end, 0)
