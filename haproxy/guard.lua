-- The guard: a filter on the delayed path, from the moment that a backend is chosen to the end of the association.
--
-- It keeps P-DATA from the PACS until the PACS has accepted the offer. Then it follows the client's PDUs and PDVs and
-- holds each later C-STORE until it is known to belong where the association goes: at once if it is of the same study
-- as the first, or in all that the rules look at like one that does; else when the agent has judged its head. One that
-- belongs elsewhere is eaten, and answered with a failure that says "send it again" (A700H); everything else passes in
-- order. In variables (txn.dicom.*):
--
--   promise, at, offer, request      what the steps in dicom.lua left
--   mixed, attributes                what the agent said of the rules
--   passed, held, followed, refused  set here: instances that belong here, were asked about, went along, were eaten

local pdu = require "pdu"
local clock = require "clock"
local dataset_elements = require "dataset"
local question = require "question"
local Responses = require "responses"
local Window = require "window"

local ABORT_BY_PROVIDER, ABORT_INVALID_PARAMETER = pdu.abort(2, 0), pdu.abort(2, 6)
local NEVER = 86400000 -- ms
local PROBES = { 4096, math.maxinteger } -- bytes of a dataset in which its elements are looked for, one after the other
local AHEAD = 512 + PROBES[1] -- the same with its command
local KINDS = 100 -- of instances that are known to belong here
local SPECIFIC_CHARACTER_SET, STUDY_INSTANCE_UID = 0x00080005, 0x0020000D
local STUDY = { [STUDY_INSTANCE_UID] = true }

-- Each image leaves some KB of garbage, and to look for it takes time. So Lua looks again when this much may have come, or as
-- much as is in use if that is more.
local SPARE = 6144 -- KB
local MOST_PAUSE = 1000 -- percent of what is in use; Lua 5.4 cannot keep more than 1023

local function pace_collector()
  local pause = 100 * (1 + SPARE / collectgarbage("count"))
  collectgarbage("setpause", math.floor(math.max(200, math.min(pause, MOST_PAUSE))))
end

pace_collector()

local running = coroutine.running

local function var(txn, name) return txn:get_var("txn.dicom." .. name) end
local function set(txn, name, value) txn:set_var("txn.dicom." .. name, value) end

local Guard = {}
Guard.__index = Guard

-- The client's side: left bytes of a PDV that pass or, if `eating`, do not; then pdu_left bytes of its PDU. Within a
-- message, `command` is true until its command set has ended. `requested` counts messages that the PACS is to answer.
function Guard.new()
  return setmetatable({
    client = { window = Window.new(), left = 0, pdu_left = 0 },
    responses = Responses.new(),
    requested = 0, kinds = { count = 0 }, layouts = {},
    counts = { passed = 0, held = 0, followed = 0, refused = 0 },
  }, Guard)
end

-- For either side of the association, a function that looks at what is there, and returns how many bytes pass; or a
-- function for HAProxy to call, which sets the filter's timer, and returns that.
function Guard:client_side(txn)
  local client, channel = self.client, txn.req
  local window = client.window
  return function()
    local waited = self.waiting
    if not waited then
      local input = channel:input()
      if input == 0 then return window:pass_all(channel, 0) end -- what had passed is sent
      if input < client.left and not client.eating then -- most bytes, in the middle of a PDV
        client.left = client.left - input
        return window:pass_all(channel, input)
      end
    end
    local passed = self:follow(txn, window:open(channel))
    if not waited and not self.waiting then return passed end
    return function()
      filter.wake_time(self.waiting and 1 + (clock() - self.waited_from) // 8 or NEVER)
      return passed
    end
  end
end

function Guard:pacs_side(txn)
  local window, responses, req, res = self.client.window, self.responses, txn.req, txn.res
  return function()
    window:peek(req)
    return responses:follow(res)
  end
end

function Guard:follow(txn, window)
  self.waiting = false
  self.settled = self.settled or var(txn, "settled")
  local passed = self.settled and self:from_client(txn, window) or self:hold(txn, window)
  if #self.responses.refusals > 0 then self:wait() end
  if not self.waiting then self.waited_from = nil end
  -- what a client that has gone left unfinished never passes
  if passed < window.input and self.settled and not self.question and window:closed() then
    window:remove(passed, window.input - passed)
  end
  return window:close(passed)
end

-- Has the filter called again, since no event will: after an eighth of the time that it has waited.
function Guard:wait() self.waiting, self.waited_from = true, self.waited_from or clock() end

-- Until the PACS has accepted, only the offer passes.
function Guard:hold(txn, window)
  if var(txn, "refusal") then -- the A-ABORT must outlive the close: see dicom_settle
    window:remove(0, window.input)
    return 0
  end
  if self.offered then return 0 end
  self.offered = true
  return #var(txn, "offer")
end

function Guard:count(name) self.counts[name] = self.counts[name] + 1 end

-- The tags that the agent tells, with that of the character set; false if it does not.
local function attributes(told)
  if not told then return false end
  local wanted, tags = { [SPECIFIC_CHARACTER_SET] = true }, { SPECIFIC_CHARACTER_SET }
  for at = 1, #told, 4 do
    local tag = string.unpack(">I4", told, at)
    if not wanted[tag] then
      wanted[tag], tags[#tags + 1] = true, tag
    end
  end
  return { wanted = wanted, tags = tags, last = math.max(table.unpack(tags)) }
end

-- Follows the client's bytes, and returns how many of them pass.
function Guard:from_client(txn, window)
  local client, at = self.client, 0
  while true do
    if client.left > 0 then
      local length = math.min(client.left, window.input - at)
      if client.eating then window:remove(at, length) else at = at + length end
      client.left = client.left - length
      if client.left > 0 then return at end
      if client.ends then self:end_of_message() end
    end
    if #self.responses.refusals > 0 then self.responses:send(txn.res) end
    if self.aborted then
      window:remove(at, window.input - at)
      return at
    end

    if client.verdict == "pass" and not client.command and client.pdu_left == 0 then
      local run = pdu.end_of_run(window, at)
      client.left = math.max(0, run - window.input)
      at = run - client.left
      if client.left > 0 then return at end
    end
    local found, header, length, context_id, is_command, last, pdu_left = pdu.next(window, at, client.pdu_left)
    if not found then return at end
    if found == "other" then
      client.left, client.eating, client.ends, client.verdict = length, false, false, nil
    elseif found == "malformed" then
      return self:abort(txn, window, at)
    else
      client.verdict = client.verdict or self:examine(txn, window, at)
      if not client.verdict then return at end
      self.head = nil
      if client.verdict == "malformed" or is_command ~= client.command then return self:abort(txn, window, at) end
      if client.verdict == "pass" and not self:transfer_syntaxes(txn)[context_id] then self:tell_not_offered(txn) end
      if client.verdict == "eat" then
        client.left, client.eating = header + length, true
      else
        local size = pdu.PDV_HEADER + length
        if not self:framed(window, at, header, size, pdu_left) then
          self:wait()
          return at
        end
        client.left, client.eating = pdu.HEADER + size, false
      end
      client.pdu_left = pdu_left
      client.ends = last and (not is_command or not client.has_dataset)
      if last then client.command = false end
    end
  end
end

-- Sees to it that the PDV of `size` bytes at offset `at`, which passes, is in a PDU of its own, since the next one may
-- not pass. False if there is no room for a PDU header now.
function Guard:framed(window, at, header, size, pdu_left)
  if header == pdu.PDV_HEADER then return window:insert(pdu.header(pdu.P_DATA_TF, size), at) end
  return pdu_left == 0 or window:replace(pdu.header(pdu.P_DATA_TF, size), at)
end

function Guard:end_of_message()
  local client = self.client
  if client.verdict == "eat" then
    self:count("refused")
    self.responses:refuse(self.requested, pdu.response(client.context_id, client.elements, pdu.OUT_OF_RESOURCES))
  elseif client.expects_answer then
    self.requested = self.requested + 1
  end
  client.verdict, client.elements, client.ends = nil, nil, false
end

-- What is to become of the message that begins at offset `at`: "pass", "eat", "malformed", or nil if that is not known
-- yet.
function Guard:examine(txn, window, at)
  local client = self.client
  local asked = self.question
  if asked then
    if not asked.answer and clock() < asked.deadline then
      self:wait()
      return nil
    end
    self.question = nil
    local verdict = asked.answer and asked.answer.verdict or asked.otherwise
    if verdict == "pass" then self:remember(asked.kind) end
    return self:judged(verdict)
  end

  self.responses.window:peek(txn.res)
  local head = self.head or { at = 0, left = client.pdu_left, command = {}, fragments = {}, length = 0, looked_at = 0 }
  self.head, head.from = head, at
  window:look_ahead(at + head.at, AHEAD)
  if self:read_head(window, PROBES[1], head).ends == "malformed" then return "malformed" end
  if not head.elements then
    return window.input - at >= self:room(txn) and "malformed" or nil
  end
  local field = head.elements[0x0100]
  client.command, client.context_id, client.elements = true, head.context_id, head.elements
  client.has_dataset = head.elements[0x0800] ~= pdu.NO_DATASET
  client.expects_answer = not pdu.is_response(field) and field ~= pdu.C_CANCEL_RQ
  if field ~= pdu.C_STORE_RQ or not client.has_dataset then
    self.first = self.first or {}
    return "pass"
  end

  -- what is in the dataset is looked for again when there is twice as much of it, not with each piece that comes
  local is_short = window.input - at < self:room(txn)
  if head.ends == "here" and is_short and head.length < 2 * head.looked_at then return nil end
  head.looked_at = head.length
  local study = self:study(txn, window, head)
  if self.first and study and study == self.first.study and self:mixed(txn) ~= "instance" then
    return self:judged("pass")
  end
  local kind = self:kind(txn, window, head)
  if not self.first then
    self.first = { study = study }
    self:remember(kind)
    return self:judged("pass")
  end
  if kind and self.kinds[kind] then return self:judged("pass") end
  self:read_head(window, self:room(txn), head)
  if head.ends == "malformed" then return "malformed" end
  if head.ends == "here" and is_short then return nil end
  self:count("held")
  self:ask(txn, window, at, kind)
  self.head = nil
  self.waited_from = nil
  self:wait()
  return nil
end

-- Notes a kind of instances that belongs here.
function Guard:remember(kind)
  if not kind then return end
  if self.kinds.count == KINDS then self.kinds = { count = 0 } end
  self.kinds[kind], self.kinds.count = true, self.kinds.count + 1
end

-- The verdict on a C-STORE, counted.
function Guard:judged(verdict)
  if verdict == "pass" then
    self:count("passed")
    return "pass"
  elseif verdict == "follow" then
    self:count("followed")
    return "pass"
  end
  return "eat"
end

-- Reads on in a `head`, the beginning of a message, which stands at offset `from` of `window`: its context id, its command's
-- elements, and where from there the fragments of its dataset stand, until these have `most` bytes or the head ends:
--   "whole"       that was all of the message
--   "here"        there was no more of it yet
--   "malformed"
-- Where it has been read before, it goes on: with `partial` bytes of the last fragment, if that was not whole.
function Guard:read_head(window, most, head)
  if head.ends == "here" then
    head.ends = nil
    if head.partial then
      head.length = head.length - head.partial
      head.fragments[#head.fragments], head.partial = nil, nil
    end
  end
  while not head.ends and head.length < most do
    local at = head.from + head.at
    local found, header, length, context_id, is_command, last, pdu_left = pdu.next(window, at, head.left)
    head.context_id = head.context_id or context_id
    local here = found == "pdv" and math.min(length, window.input - at - header)
    if not found then
      head.ends = "here"
    elseif not here or context_id ~= head.context_id or is_command == (head.elements ~= nil) then
      head.ends = "malformed"
    elseif not is_command then
      if here > 0 then
        head.fragments[#head.fragments + 1] = { at = head.at + header, length = here }
        head.length = head.length + here
        head.partial = here < length and here
      end
      head.ends = here < length and "here" or last and "whole" or nil
    elseif here < length then
      head.ends = "here"
    else
      head.command[#head.command + 1] = window:read(at + header, length)
      if last then
        head.elements = pdu.command_elements(table.concat(head.command))
        if not head.elements then
          head.ends = "malformed"
        elseif head.elements[0x0800] == pdu.NO_DATASET then
          head.ends = "whole"
        end
      end
    end
    if not head.ends then head.at, head.left = head.at + header + length, pdu_left end
  end
  return head
end

-- What of a message's dataset is `wanted`: see dataset.lua.
function Guard:elements(txn, window, head, wanted, last)
  local syntax = self:transfer_syntaxes(txn)[head.context_id] or ""
  for _, most in ipairs(PROBES) do
    self:read_head(window, most, head)
    local pieces, length = {}, 0
    for _, fragment in ipairs(head.fragments) do
      local more = math.min(fragment.length, most - length)
      pieces[#pieces + 1] = window:read(head.from + fragment.at, more)
      length = length + more
      if length == most then break end
    end
    local all = head.ends and length == head.length
    local bytes = #pieces == 1 and pieces[1] or table.concat(pieces)
    local complete = all and head.ends == "whole"
    local found, layout = dataset_elements(bytes, syntax, wanted, last, complete, self.layouts[wanted])
    self.layouts[wanted] = layout
    if found ~= nil or all then return found end
  end
end

-- The Study Instance UID of a message; nil or false if it is not known.
function Guard:study(txn, window, head)
  local found = self:elements(txn, window, head, STUDY, STUDY_INSTANCE_UID)
  local uid = found and found[STUDY_INSTANCE_UID]
  return uid and uid:match("%d[%d.]*")
end

-- All that the rules look at in a message, as one string: what is alike in this belongs to the same pool. nil or false
-- if it is not known.
function Guard:kind(txn, window, head)
  if self.attributes == nil then self.attributes = attributes(var(txn, "attributes")) end
  if not self.attributes then return false end
  local found = self:elements(txn, window, head, self.attributes.wanted, self.attributes.last)
  if not found then return found end
  local values = { string.char(head.context_id) }
  for _, tag in ipairs(self.attributes.tags) do
    values[#values + 1] = found[tag] and string.pack(">Bs4", 1, found[tag]) or "\0"
  end
  return table.concat(values)
end

function Guard:transfer_syntaxes(txn)
  self.syntaxes = self.syntaxes or pdu.negotiated(var(txn, "offer"))
  return self.syntaxes
end

-- What the rule says of later instances.
function Guard:mixed(txn)
  self.mixes = self.mixes or var(txn, "mixed") or "refuse"
  return self.mixes
end

-- What the head of a message may take in a question.
function Guard:room(txn)
  self.head_room = self.head_room
    or pdu.head_room(#var(txn, "request"), #var(txn, "promise"), #(var(txn, "rule") or ""))
  return self.head_room
end

-- Asks the agent, through the frontend `guard` and as another task, so that nobody else waits for the answer.
function Guard:ask(txn, window, at, kind)
  local head = window:read(at, math.min(window.input - at, self:room(txn)))
  local pdu_left = self.client.pdu_left
  if pdu_left > 0 then head = pdu.header(pdu.P_DATA_TF, pdu_left) .. head end
  local mixed = self:mixed(txn)
  self.question = {
    kind = kind,
    otherwise = mixed == "follow" and mixed or "refuse", -- if there is no answer
    deadline = clock() + question.ANSWER_TIMEOUT,
  }
  question.ask(self.question, {
    id = txn.f:unique_id(), client = txn.f:src(), cn = var(txn, "cn") or "", request = var(txn, "request"),
    promise = var(txn, "promise"), at = var(txn, "at"), head = head, bound_to = var(txn, "backend"),
    bound_by = var(txn, "rule") or "", mixed = mixed,
  })
end

-- The client uses a context that it was promised, but this pool does not take: an A-ABORT of the PACS will follow.
function Guard:tell_not_offered(txn)
  if self.not_offered then return end
  self.not_offered = true
  set(txn, "refusal", "context-not-offered")
  question.tell_mismatch(txn, "context-not-offered", "")
end

-- Gives up an association that cannot be followed: PS3.8 §9.2.2 would have the PACS do so.
function Guard:abort(txn, window, at)
  self.aborted = true
  set(txn, "refusal", "malformed-pdata")
  window:remove(at, window.input - at)
  window:insert(ABORT_INVALID_PARAMETER, at)
  self.responses:abort(txn.res, ABORT_INVALID_PARAMETER)
  return window.input
end

-- What HAProxy calls. To call a function of a filter, HAProxy makes a TXN, which takes longer than all that the guard
-- does for an image. But first it looks the function up, and if it finds a number, so many bytes pass; if nothing, it goes
-- on. So the work is done while `tcp_payload` is looked up. It is a function only when it is called first, on each side of
-- the association, since that needs the TXN, and where the filter's timer is to be set. An association that is not to be
-- guarded has no functions once that is known, which is before its PACS is reached.
local Filter = { id = "DICOM: no instance lands in the wrong pool" }

local function look_up(self, name)
  if self.is_idle then return nil end
  local side = name == "tcp_payload" and self.sides[running()]
  if not side then return Filter[name] end
  local done, found = pcall(side)
  return done and found or self:failed(found)
end

local LOOKED_UP = { __index = look_up }

function Filter:new() return setmetatable({ is_idle = false, sides = {}, channels = {} }, LOOKED_UP) end

local function dropping(channel)
  return function()
    channel:remove(0, channel:input())
    return 0
  end
end

-- A defect of the guard ends the association: nothing passes any more, from either side.
function Filter:failed(message)
  core.Alert("guard.lua: " .. tostring(message))
  self.has_failed = true
  for side, channel in pairs(self.channels) do self.sides[side] = dropping(channel) end
  set(self.txn, "refusal", "guard-failed")
  self.txn.res:send(ABORT_BY_PROVIDER)
  return self.sides[running()]()
end

function Filter:start_analyze(_, channel) filter.register_data_filter(self, channel) end

function Filter:tcp_payload(txn, channel)
  if not var(txn, "promise") then
    filter.unregister_data_filter(self, channel)
    self.is_idle = true
    return channel:input()
  end
  local side = running()
  self.txn, self.channels[side] = self.txn or txn, channel
  if not self.guard then
    pace_collector()
    self.guard = Guard.new()
  end
  self.sides[side] = self.has_failed and dropping(channel)
    or channel == txn.res and self.guard:pacs_side(txn)
    or self.guard:client_side(txn)
  local found = self.tcp_payload
  if type(found) == "function" then found = found() end
  debug.sethook() -- HAProxy has Lua count instructions, which slows down what is not called by HAProxy, too
  return found
end

-- The PACS's side is at its end, and HAProxy waits for the client's. A timer that dicom_settle has set, where `timeout server`
-- came first, HAProxy would only look at again and again once it is over, and do nothing else.
-- The client's side: if its connection broke or timed out, HAProxy has stopped asking the filter, and would pass on what that
-- holds.
function Filter:end_analyze(txn, channel)
  if channel == txn.res then return filter.wake_time(NEVER) end
  if not next(self.sides) then return end
  channel.__filter = nil -- else HAProxy allows changes in tcp_payload only
  channel:remove()
  for name, count in pairs(self.guard.counts) do
    if count > 0 then set(txn, name, count) end
  end
end

core.register_filter("dicom_guard", Filter, function(class) return class end)
