-- Reads the bytes of a channel inside a filter, exactly.
--
-- HAProxy keeps a channel's bytes in a ring: first the output, which is on its way out, then the input, which the filter
-- sees. Channel:data() gets wrong how far the bytes from a place in the ring are in one piece (HAProxy 2.6 to 3.2: it
-- counts from the ring's origin what should be counted from the first byte), so that once something has been passed
-- on, what it returns may end in old bytes from the ring's origin. Where that happens follows from where the first byte
-- of input stands in the ring, and that can be known: nothing moves it but what the filter passes on, and that the
-- ring begins at its origin again after it was empty. If it is not certain that it was empty, both cases are kept, and
-- only what is right in either is read in one piece.

local SIZE, ROOM = tonumber(os.getenv("BUFFER_SIZE")), tonumber(os.getenv("BUFFER_ROOM")) -- bytes; haproxy.cfg

local Window = {}
Window.__index = Window

-- input: bytes that the filter sees. starts: where in the ring the first of them may stand. drained: all that was there
-- before has been passed on.
function Window.new() return setmetatable({ starts = { 0 }, drained = false }, Window) end

-- Looks at `channel`, at the beginning of each call of the filter.
function Window:open(channel)
  local input = channel:input()
  self.channel, self.input, self.seen, self.sure_to = channel, input, nil, 0
  if self.drained then self:may_be_empty(channel, input) end
  return self
end

-- Looks at another time: all of it may have been sent.
function Window:peek(channel)
  if self.drained then self:may_be_empty(channel, channel:input()) end
end

function Window:may_be_empty(channel, input)
  self.drained = input == 0
  if channel:output() > 0 then return end
  local starts = self.starts
  if input == 0 then
    starts[1] = 0
    for index = 2, #starts do starts[index] = nil end
    return
  end
  for index = 1, #starts do
    if starts[index] == 0 then return end
  end
  starts[#starts + 1] = 0
end

-- Forgets what has been read, and up to where Channel:data() is right: the input has changed.
function Window:changed() self.seen, self.sure_to = nil, 0 end

-- Notes that the filter passes on the first `passed` bytes, and returns that for HAProxy.
function Window:close(passed)
  local starts = self.starts
  for index = 1, #starts do starts[index] = (starts[index] + passed) % SIZE end
  self.seen, self.drained = nil, passed == self.input
  return passed
end

-- The same for all that there is in `channel`, without a look at it.
function Window:pass_all(channel, input)
  if self.drained then self:may_be_empty(channel, input) end
  self.input = input
  return self:close(input)
end

-- How many bytes from offset `at` Channel:data() gets right, with `padding` bytes behind the input.
function Window:in_one_piece(at, padding)
  local output, most, starts = self.channel:output(), SIZE, self.starts
  local held = output + self.input + padding
  for index = 1, #starts do
    local place = (starts[index] + at) % SIZE
    local wraps = SIZE - place
    local counts_wrong = SIZE - (starts[index] - output + place) % SIZE
    local ends = place <= held and held - place or SIZE
    if wraps < most then most = wraps end
    if counts_wrong < most then most = counts_wrong end
    if ends < most then most = ends end
  end
  return most
end

-- The `length` bytes of input from offset `at`; they must be there.
function Window:read(at, length)
  local bytes, place = self:see(at, length)
  return #bytes == length and bytes or bytes:sub(place, place + length - 1)
end

-- The same without a copy, if they have been read before: a string, and the place in it where they begin.
function Window:see(at, length)
  local seen = self.seen
  if seen then
    local place = at - self.seen_at
    if place >= 0 and place + length <= #seen then return seen, place + 1 end
  end
  return self:fetch(at, length), 1
end

-- Reads in one go what will be read piece by piece.
function Window:look_ahead(at, length)
  self.seen, self.seen_at = self:fetch(at, math.min(length, self.input - at)), at
end

function Window:fetch(at, length)
  if length == 0 then return "" end
  if at + length > self.sure_to or at < self.sure_from then
    self.sure_from, self.sure_to = at, at + self:in_one_piece(at, 0)
  end
  local most = self.sure_to - at
  if most >= length then return self.channel:data(at, length) end
  if most > 0 then return self.channel:data(at, most) .. self:fetch(at + most, length - most) end
  return self:fetch_byte(at) .. self:fetch(at + 1, length - 1)
end

-- The byte that cannot be read with this number of bytes in the ring: for a moment there are some more.
function Window:fetch_byte(at)
  local padding = 1
  while self:in_one_piece(at, padding) == 0 do padding = padding + 1 end
  assert(self.channel:insert(string.rep("\0", padding), self.input) == padding, "window.lua: no room to read")
  local byte = self.channel:data(at, 1)
  self.channel:remove(self.input, padding)
  return byte
end

-- Whether HAProxy has room for `length` bytes more than it has; what it does not, it would take in part.
function Window:fits(length) return self.input + self.channel:output() + length <= ROOM end

-- Whether no more bytes will come. Channel:may_recv() is false, too, while there is no room for them.
function Window:closed() return not self.channel:may_recv() and self.input + self.channel:output() < ROOM end

-- The same, where there may be no room: a byte less makes some, for a moment.
function Window:ended()
  if self.input == 0 or self.channel:may_recv() then return self:closed() end
  local last = self.input - 1
  local byte = self:read(last, 1)
  self:remove(last, 1)
  local ended = not self.channel:may_recv()
  self:insert(byte, last)
  return ended
end

-- Notes that `length` bytes of output were put before the input.
function Window:sent(length)
  self:changed()
  self.input = self.input + length
  self:close(length)
end

-- These change the input. Inserting and replacing answer whether there was room.
function Window:remove(at, length)
  self:changed()
  self.channel:remove(at, length)
  self.input = self.input - length
end

function Window:insert(bytes, at)
  self:changed()
  if self.channel:insert(bytes, at) ~= #bytes then return false end
  self.input = self.input + #bytes
  return true
end

function Window:replace(bytes, at)
  self:changed()
  return self.channel:set(bytes, at, #bytes) == #bytes
end

return Window
