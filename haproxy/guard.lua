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
local dataset_elements = require "dataset"
local Window = require "window"

local ADDRESS = os.getenv("GUARD_BIND")
local ANSWER_TIMEOUT = 6 -- seconds for a verdict: more than a question, its repetition and dicom_pause may take
local ABORT_INVALID_PARAMETER = pdu.abort(2, 6)
local SOON, LATER = 1, 86400000 -- ms
local PROBE = 4096 -- bytes of a dataset in which its elements are looked for first
local KINDS = 100 -- of instances that are known to belong here
local SPECIFIC_CHARACTER_SET, STUDY_INSTANCE_UID = 0x00080005, 0x0020000D

local function var(txn, name) return txn:get_var("txn.dicom." .. name) end
local function set(txn, name, value) txn:set_var("txn.dicom." .. name, value) end

local Guard = { id = "DICOM: no instance lands in the wrong pool" }
Guard.__index = Guard

-- The client's side: left bytes of a PDV that pass or, if `eating`, do not; then pdu_left bytes of its PDU. Within a
-- message, `command` is true until its command set has ended.
-- The PACS's side: the same without the eating; `requested` and `answered` count messages, and `refusals` wait for
-- their turn among the answers.
function Guard:new()
  return setmetatable({
    client = { window = Window.new(), left = 0, pdu_left = 0 },
    pacs = { window = Window.new(), left = 0, pdu_left = 0, fragments = {} },
    requested = 0, answered = 0, refusals = {}, kinds = { count = 0 },
    counts = { passed = 0, held = 0, followed = 0, refused = 0 },
  }, Guard)
end

function Guard:start_analyze(_, channel) filter.register_data_filter(self, channel) end

function Guard:tcp_payload(txn, channel)
  if channel == txn.res then return self:from_pacs(txn, channel) end
  local client, window = self.client, self.client.window:open(channel)
  if self.woken_soon then
    self:wake(false)
  elseif window.input == 0 then -- what had passed is sent
    return window:close(0)
  elseif client.left > window.input and not client.eating then -- most bytes, in the middle of a PDV
    client.left = client.left - window.input
    return window:close(window.input)
  end
  self.settled = self.settled or var(txn, "settled")
  if not self.settled then return window:close(self:hold(txn, channel, window)) end
  local passed = self:from_client(txn, window)
  if #self.refusals > 0 then self:wake(true) end
  -- what a client that has gone left unfinished never passes
  if window:closed() and not self.question then window:remove(passed, window.input - passed) end
  return window:close(passed)
end

-- The filter is called again soon, though nothing has happened; or not, for a timer that has run out must be set again.
function Guard:wake(soon)
  self.woken_soon = soon
  filter.wake_time(soon and SOON or LATER)
end

-- Until the PACS has accepted, only the offer passes.
function Guard:hold(txn, channel, window)
  if not var(txn, "promise") then
    filter.unregister_data_filter(self, channel)
    return window.input
  end
  if var(txn, "refusal") then -- the A-ABORT must outlive the close: see dicom_settle
    window:remove(0, window.input)
    return 0
  end
  self:wake(true)
  if self.offered then return 0 end
  self.offered = true
  return #var(txn, "offer")
end

core.register_filter("dicom_guard", Guard, function(class) return class end)

function Guard:count(txn, name)
  self.counts[name] = self.counts[name] + 1
  set(txn, name, self.counts[name])
end

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

local questions = {} -- that are still to be asked

-- One function for all questions: HAProxy 2.6 never lets go of one that it was given.
local function ask_agent()
  local question = table.remove(questions, 1)
  local socket = core.tcp()
  socket:settimeout(ANSWER_TIMEOUT)
  local answer = socket:connect(ADDRESS) and socket:send(question.asked) and socket:receive("*l")
  question.verdict = answer and answer ~= "" and answer or question.otherwise
  socket:close()
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
      if client.ends then self:end_of_message(txn) end
    end
    if self.aborted then
      window:remove(at, window.input - at)
      return at
    end
    if #self.refusals > 0 then self:answer_client(txn) end

    local found, header, length, context_id, is_command, last, pdu_left = pdu.next(window, at, client.pdu_left)
    if not found then return at end
    if found == "other" then
      client.left, client.eating, client.ends, client.verdict = length, false, false, nil
    elseif found == "malformed" then
      return self:abort(txn, window, at)
    else
      client.verdict = client.verdict or self:examine(txn, window, at)
      if not client.verdict then return at end
      if client.verdict == "malformed" or is_command ~= client.command then return self:abort(txn, window, at) end
      if client.verdict == "eat" then
        client.left, client.eating = header + length, true
      else
        local size = pdu.PDV_HEADER + length
        if not self:framed(window, at, header, size, pdu_left) then
          self:wake(true)
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

function Guard:end_of_message(txn)
  local client = self.client
  if client.verdict == "eat" then
    self:count(txn, "refused")
    local response = pdu.response(client.context_id, client.elements, pdu.OUT_OF_RESOURCES)
    self.refusals[#self.refusals + 1] = { after = self.requested, response = response }
  elseif client.expects_answer then
    self.requested = self.requested + 1
  end
  client.verdict, client.elements, client.ends = nil, nil, false
end

-- What is to become of the message that begins at offset `at`: "pass", "eat", "malformed", or nil if that is not known
-- yet.
function Guard:examine(txn, window, at)
  local client = self.client
  local question = self.question
  if question then
    if not question.verdict and core.now().sec <= question.deadline then
      self:wake(true)
      return nil
    end
    self.question = nil
    if question.verdict == "pass" then self:remember(question.kind) end
    return self:judged(txn, question.verdict or question.otherwise)
  end

  self.pacs.window:open(txn.res) -- may find it drained
  local head, problem = self:head(window, at)
  if problem then return "malformed" end
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

  local study = self:study(txn, window, head)
  if self.first and study and study == self.first.study and var(txn, "mixed") ~= "instance" then
    return self:judged(txn, "pass")
  end
  local kind = self:kind(txn, window, head)
  if not self.first then
    self.first = { study = study }
    self:remember(kind)
    return self:judged(txn, "pass")
  end
  if kind and self.kinds[kind] then return self:judged(txn, "pass") end
  if not head.complete and window.input - at < self:room(txn) then return nil end
  self:count(txn, "held")
  self:ask(txn, window, at, kind)
  self:wake(true)
  return nil
end

-- Notes a kind of instances that belongs here.
function Guard:remember(kind)
  if not kind then return end
  if self.kinds.count == KINDS then self.kinds = { count = 0 } end
  self.kinds[kind], self.kinds.count = true, self.kinds.count + 1
end

-- The verdict on a C-STORE, counted.
function Guard:judged(txn, verdict)
  if verdict == "pass" then
    self:count(txn, "passed")
    return "pass"
  elseif verdict == "follow" then
    self:count(txn, "followed")
    return "pass"
  end
  return "eat"
end

-- The message that begins at offset `at`, as far as it is here: context id, the command's elements once they are whole,
-- where the fragments of its dataset stand, and whether all of them are here. Or nil and true, if it is malformed.
function Guard:head(window, at)
  local head = { fragments = {} }
  local left, command = self.client.pdu_left, {}
  while true do
    local found, header, length, context_id, is_command, last, pdu_left = pdu.next(window, at, left)
    if not found then return head end
    head.context_id = head.context_id or context_id
    if found ~= "pdv" or context_id ~= head.context_id or is_command == (head.elements ~= nil) then return nil, true end
    local have = math.min(length, window.input - at - header)
    if is_command then
      if have < length then return head end
      command[#command + 1] = window:read(at + header, length)
      if last then
        head.elements = pdu.command_elements(table.concat(command))
        if not head.elements then return nil, true end
        if head.elements[0x0800] == pdu.NO_DATASET then return head end
      end
    else
      head.fragments[#head.fragments + 1] = { at = at + header, length = have }
      if have < length then return head end
      if last then
        head.complete = true
        return head
      end
    end
    at, left = at + header + length, pdu_left
  end
end

-- What of a message's dataset is `wanted`: see dataset.lua.
function Guard:elements(txn, window, head, wanted, last)
  local syntax = self:transfer_syntaxes(txn)[head.context_id] or ""
  for _, most in ipairs { PROBE, math.maxinteger } do
    local pieces, length = {}, 0
    for _, fragment in ipairs(head.fragments) do
      if length >= most then break end
      pieces[#pieces + 1] = window:read(fragment.at, math.min(fragment.length, most - length))
      length = length + fragment.length
    end
    local found = dataset_elements(table.concat(pieces), syntax, wanted, last, head.complete and length <= most)
    if found ~= nil or length <= most then return found end
  end
end

-- The Study Instance UID of a message; nil or false if it is not known.
function Guard:study(txn, window, head)
  local found = self:elements(txn, window, head, { [STUDY_INSTANCE_UID] = true }, STUDY_INSTANCE_UID)
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

function Guard:room(txn) return pdu.head_room(#var(txn, "request"), #var(txn, "promise"), #(var(txn, "rule") or "")) end

-- Asks the agent, through the frontend `guard` and as another task, so that nobody else waits for the answer.
function Guard:ask(txn, window, at, kind)
  local head = window:read(at, math.min(window.input - at, self:room(txn)))
  local pdu_left = self.client.pdu_left
  if pdu_left > 0 then head = pdu.header(pdu.P_DATA_TF, pdu_left) .. head end
  local mixed = var(txn, "mixed") or "refuse"
  self.question = {
    kind = kind,
    otherwise = mixed == "follow" and mixed or "refuse", -- if there is no answer
    deadline = core.now().sec + ANSWER_TIMEOUT,
    asked = string.pack(">s4", string.pack(">s4s4s4s4s4s4s4s4s4s4", txn.f:unique_id(), txn.f:src(), var(txn, "cn") or "",
      var(txn, "request"), var(txn, "promise"), var(txn, "at"), head, var(txn, "backend"), var(txn, "rule") or "", mixed)),
  }
  questions[#questions + 1] = self.question
  core.register_task(ask_agent)
end

-- Gives up an association that cannot be followed: PS3.8 §9.2.2 would have the PACS do so.
function Guard:abort(txn, window, at)
  self.aborted = true
  set(txn, "refusal", "malformed-pdata")
  window:remove(at, window.input - at)
  window:insert(ABORT_INVALID_PARAMETER, at)
  txn.res:send(ABORT_INVALID_PARAMETER)
  return window.input
end

-- Sends the answers to what was eaten: all whose turn it is, if no PDU of the PACS is under way.
function Guard:answer_client(txn)
  local pacs = self.pacs
  while #self.refusals > 0 do
    local turn = self.answered >= self.refusals[1].after and pacs.left == 0 and pacs.pdu_left == 0
    if not turn or txn.res:input() > 0 then return end
    local window = pacs.window:open(txn.res)
    local sent = txn.res:send(self.refusals[1].response)
    if sent ~= #self.refusals[1].response then return end
    table.remove(self.refusals, 1)
    window:sent(sent)
  end
end

-- Follows the PACS's bytes, and returns how many of them pass: all, but for a header or a command that is not whole.
function Guard:from_pacs(txn, channel)
  if not var(txn, "promise") then
    filter.unregister_data_filter(self, channel)
    return
  end
  local pacs = self.pacs
  local window, at = pacs.window:open(channel), 0
  self.client.window:open(txn.req) -- may find it drained
  while true do
    if pacs.left > 0 then
      local length = math.min(pacs.left, window.input - at)
      at, pacs.left = at + length, pacs.left - length
      if pacs.left > 0 then break end
    end
    if pacs.pdu_left == 0 then
      while self.refusals[1] and self.answered >= self.refusals[1].after do
        local response = self.refusals[1].response
        if not window:insert(response, at) then return window:close(at) end
        at = at + #response
        table.remove(self.refusals, 1)
      end
    end
    local found, header, length, _, is_command, last, pdu_left = pdu.next(window, at, pacs.pdu_left)
    if found == "pdv" then
      if is_command then
        if window.input - at < header + length and length < pdu.ROOM // 2 then break end
        pacs.fragments[#pacs.fragments + 1] = window:read(at + header, math.min(length, window.input - at - header))
        if last then self:end_of_response() end
      end
      pacs.left, pacs.pdu_left = header + length, pdu_left
    elseif found then -- what is malformed, the client judges
      pacs.left = found == "other" and length or math.maxinteger
    else
      break
    end
  end
  return window:close(window:closed() and window.input or at)
end

function Guard:end_of_response()
  local elements = pdu.command_elements(table.concat(self.pacs.fragments))
  self.pacs.fragments = {}
  if elements and pdu.is_response(elements[0x0100]) and not pdu.is_pending(elements[0x0900]) then
    self.answered = self.answered + 1
  end
end
