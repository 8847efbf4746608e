-- The PACS's side of the guard: follows its PDUs and messages, and puts among them the refusals of what the guard has
-- eaten, each when all that the client sent before has been answered; and the A-ABORT with which the guard gives up.

local pdu = require "pdu"
local Window = require "window"

local COMMAND = 512 -- bytes, in which most commands are whole

local Responses = {}
Responses.__index = Responses

-- left: bytes to come of a PDV or another PDU, behind which pdu_left bytes of its PDU follow. fragments: of a command that
-- is not whole yet. answered: messages of the client's. refusals: { after = messages, response = bytes }, in order; an
-- A-ABORT has no `after`, and when it is sent, all is `over`.
function Responses.new()
  local responses = { window = Window.new(), left = 0, pdu_left = 0, in_message = false, fragments = {}, answered = 0 }
  responses.refusals = {}
  return setmetatable(responses, Responses)
end

function Responses:refuse(after, response) self.refusals[#self.refusals + 1] = { after = after, response = response } end

-- Has this A-ABORT come behind the PDU that is passing, if one is, and nothing behind the A-ABORT.
function Responses:abort(channel, response)
  self.refusals = { { response = response } }
  self:send(channel)
end

-- What may stand where the PACS's next PDU begins, if anything: fragments of another message stay together (PS3.8 Annex E).
function Responses:due()
  local refusal = self.refusals[1]
  if not refusal or self.pdu_left > 0 then return nil end
  local after = refusal.after
  return (not after or self.answered >= after and not self.in_message) and refusal.response
end

function Responses:sent() self.over = not table.remove(self.refusals, 1).after end

-- Sends what is due, if the PACS's channel is at rest; what does not fit waits for `follow`.
function Responses:send(channel)
  local response = self:due()
  while response and self.left == 0 and (channel:input() == 0 or not self.refusals[1].after) do
    local window = self.window:open(channel)
    if not window:fits(#response) or channel:send(response) ~= #response then return end
    window:sent(#response)
    self:sent()
    response = self:due()
  end
end

-- Follows what is in the PACS's channel, and returns how many bytes pass: all, but for a header or a command that is not
-- whole, and what is behind an A-ABORT.
function Responses:follow(channel)
  local window, at = self.window:open(channel), 0
  if self.over then return self:drop(0) end
  if window.input == 0 and #self.refusals == 0 then return window:close(0) end
  if self.left == 0 then window:look_ahead(0, COMMAND) end
  while true do
    if self.left > 0 then
      local here = math.min(self.left, window.input - at)
      at, self.left = at + here, self.left - here
      if self.left > 0 then break end
    end
    local response = self:due()
    while response do
      if not window:insert(response, at) then return window:close(at) end
      at = at + #response
      self:sent()
      response = self:due()
    end
    if self.over then return self:drop(at) end
    local found, header, length, _, is_command, last, pdu_left = pdu.next(window, at, self.pdu_left)
    if not found then break end
    if found == "pdv" then
      if is_command then
        local here = math.min(length, window.input - at - header)
        if here < length and length < pdu.ROOM // 2 then break end
        self.fragments[#self.fragments + 1] = window:read(at + header, here)
      end
      self.in_message = not last or is_command and self:end_of_command()
      self.left, self.pdu_left = header + length, pdu_left
    else -- what is malformed, the client judges
      self.left = found == "other" and length or math.maxinteger
    end
  end
  return window:close(at < window.input and window:closed() and window.input or at)
end

-- Lets the bytes before offset `at` pass, and no others.
function Responses:drop(at)
  self.window:remove(at, self.window.input - at)
  return self.window:close(at)
end

-- Counts the PACS's command if it is the last answer to a message, and says whether a dataset follows.
function Responses:end_of_command()
  local command = table.concat(self.fragments)
  self.fragments = {}
  local ends, has_dataset = pdu.response_ends(command)
  if ends then self.answered = self.answered + 1 end
  return has_dataset
end

return Responses
