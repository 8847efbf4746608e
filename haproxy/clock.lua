-- Milliseconds since 1970.
return function()
  local time = core.now()
  return time.sec * 1000 + time.usec // 1000
end
