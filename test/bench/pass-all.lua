-- What a filter in Lua costs at least, so that the guard can be seen beside it: this one looks at nothing, and is called, as the guard
-- is, without a TXN (guard.lua says how).

local running = coroutine.running
local Pass = { id = "benchmark: let everything pass" }

local function look_up(self, name)
  local channel = name == "tcp_payload" and self.sides[running()]
  return channel and channel:input() or Pass[name]
end

function Pass:new() return setmetatable({ sides = {} }, { __index = look_up }) end

function Pass:start_analyze(_, channel) filter.register_data_filter(self, channel) end

function Pass:tcp_payload(_, channel)
  self.sides[running()] = channel
  debug.sethook()
  return channel:input()
end

core.register_filter("bench_pass_all", Pass, function(class) return class end)
