-- What the guard is measured against: the delayed path as it was before there was one. This filter keeps P-DATA from
-- the PACS until it has accepted the offer, and is gone for the rest of the association. binding-late.lua uses it, too.

local function var(txn, name) return txn:get_var("txn.dicom." .. name) end

local Hold = { id = "benchmark: hold P-DATA until the PACS has accepted" }
Hold.__index = Hold

function Hold:new() return setmetatable({}, Hold) end

function Hold:start_analyze(_, channel)
  if not channel:is_resp() then filter.register_data_filter(self, channel) end
end

function Hold:tcp_payload(txn, channel)
  if not var(txn, "promise") or var(txn, "settled") then
    filter.unregister_data_filter(self, channel)
    return
  end
  if var(txn, "refusal") then
    channel:remove(0, channel:input())
    return 0
  end
  if self.offered then return 0 end
  self.offered = true
  return #var(txn, "offer")
end

core.register_filter("bench_hold_only", Hold, function(class) return class end)
