-- What delayed binding takes at least in HAProxy, so that ours can be seen beside it: the client is answered with
-- BENCH_PROMISE (an A-ASSOCIATE-AC in hexadecimal), what it sends then is waited for, and the A-ASSOCIATE-AC of the PACS never
-- reaches it. Nothing is decided or checked, and nothing looked at that comes later: only for the clients of the benches.

local PROMISE = os.getenv("BENCH_PROMISE"):gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)

-- Length of the PDU at the beginning of a channel, header included; nil if that is not there yet.
local function pdu_length(channel)
  return channel:input() >= 6 and 6 + string.unpack(">I4", channel:data(2, 4)) or nil
end

local function wait()
  act.wake_time(60000)
  return act.YIELD
end

core.register_action("bench_promise", { "tcp-req" }, function(txn)
  if not txn:get_var("txn.bench.request") then
    txn:set_var("txn.bench.request", pdu_length(txn.req))
    txn.res:send(PROMISE)
  end
  return txn.req:input() > txn:get_var("txn.bench.request") and act.CONTINUE or wait()
end, 0)

core.register_action("bench_swallow", { "tcp-res" }, function(txn)
  if txn:get_var("txn.bench.settled") then return act.CONTINUE end
  local length = pdu_length(txn.res)
  if not length or txn.res:input() < length then return wait() end
  txn.res:remove(0, length)
  txn:set_var("txn.bench.settled", 1)
  core.yield() -- so that HAProxy calls the filter for what it holds
  return act.CONTINUE
end, 0)

local Hold = { id = "benchmark: hold P-DATA until the PACS has accepted" }
Hold.__index = Hold

function Hold:new() return setmetatable({}, Hold) end

function Hold:start_analyze(_, channel)
  if not channel:is_resp() then filter.register_data_filter(self, channel) end
end

function Hold:tcp_payload(txn, channel)
  if txn:get_var("txn.bench.settled") then
    filter.unregister_data_filter(self, channel)
    return channel:input()
  end
  local offered = self.offered
  self.offered = true
  return offered and 0 or txn:get_var("txn.bench.request")
end

core.register_filter("bench_hold", Hold, function(class) return class end)
