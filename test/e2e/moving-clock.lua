-- For guard.test.ts: whenever Lua has waited, HAProxy before 2.8 moves its clock on, and streams may miss that their timers have come.
core.register_task(function()
  while true do core.yield() end
end)
