-- The DICOM upper layer (PS3.8) as far as HAProxy must know it: PDU and PDV framing, and the C-ECHO command.
--
-- Nothing is decided here. The agent decides, over SPOE; these steps bring it the bytes that it needs and carry out
-- what it answers. haproxy.cfg calls them in this order (variables are txn.dicom.*, `<` set by the agent):
--
--   dicom_request  waits for the whole A-ASSOCIATE-RQ                                          sets requested
--   - associate -  SPOE                            < path (direct, delayed or refused), backend, promise, offer, …
--   dicom_head     delayed only: sends the promise (an A-ASSOCIATE-AC), waits for the first dataset   sets head
--   - dataset -    SPOE                                                                   < backend, offer
--   dicom_pause    between a question and the same one again, before HAProxy 3.0 only
--   dicom_bind     the gate: lets nothing pass but to a live pool; puts the offer in the RQ's place   sets bound
--   dicom_refuse   says no in DICOM and outlives the close
--   dicom_hold     a filter: delayed only, keeps P-DATA from the PACS until it has accepted the offer
--   dicom_settle   delayed only: compares the PACS's answer with the promise and swallows it   sets settled
--
-- HAProxy may evaluate its rule list again from the top after an action has yielded, so every step begins by asking
-- whether it is done. An action that ever returned act.YIELD must end with act.CONTINUE or act.DENY.

local PDU = { ASSOCIATE_RQ = 1, ASSOCIATE_AC = 2, ASSOCIATE_RJ = 3, P_DATA_TF = 4, RELEASE_RQ = 5, ABORT = 7 }
local HEADER = 6 -- bytes of a PDU header: type, reserved, length of the rest as u32be (PS3.8 §9.3.1)
local PDV_HEADER = 6 -- bytes of a PDV header: length of the rest as u32be, context id, control (PS3.8 §9.3.5, E.2)
local LINGER = 2000 -- ms that a refused client gets to read its refusal and close

-- haproxy.cfg sets these in the environment: times in seconds, room in bytes
local function setting(name) return tonumber(os.getenv(name)) or error("dicom.lua: " .. name .. " must be a number") end
local ASSOCIATE_TIMEOUT = setting("ASSOCIATE_TIMEOUT") * 1000
local DATASET_TIMEOUT = setting("DATASET_TIMEOUT") * 1000
local SETTLE_TIMEOUT = setting("SETTLE_TIMEOUT") * 1000
local ROOM = setting("BUFFER_ROOM")

-- ms that a question to the agents may take: `timeout processing` in spoe-dicom.conf
local QUESTION = 1500

-- ms after the promise at which the stream is woken up once. HAProxy 2.6 loses the time limit of a SPOE message that
-- follows another within that limit: the stream's timer is still the first one's, comes too early, and is not set
-- again. The time of two questions and some, so that a lost one is noticed.
local RESCUE = 2 * QUESTION + 100

-- What fits beside a SPOE frame's own fields: names, addresses, lengths (max-frame-size is at most tune.bufsize - 4).
local FRAME_OVERHEAD = 512

local function associate_rj(result, source, reason)
  return string.pack(">BBI4BBBB", PDU.ASSOCIATE_RJ, 0, 4, 0, result, source, reason)
end

local function abort(source, reason)
  return string.pack(">BBI4BBBB", PDU.ABORT, 0, 4, 0, 0, source, reason)
end

local ABORT_BY_USER = abort(0, 0)
local ABORT_BY_PROVIDER = abort(2, 0)
local ABORT_UNEXPECTED_PDU = abort(2, 2)
local ABORT_INVALID_PARAMETER = abort(2, 6)
local RELEASE_RP = string.pack(">BBI4I4", 6, 0, 4, 0)

-- Refusals that HAProxy finds by itself, before the promise: an A-ASSOCIATE-RJ, transient where a retry can help,
-- or what PS3.8 Table 9-10 asks for in Sta2. After the promise it is always an A-ABORT.
local REFUSALS = {
  ["not-associate"] = ABORT_BY_USER, -- AA-1
  ["request-timeout"] = ABORT_BY_USER,
  ["request-too-large"] = associate_rj(1, 3, 2), -- permanent, local limit exceeded
  ["agents-down"] = associate_rj(2, 3, 1), -- transient, temporary congestion
  ["no-such-pool"] = associate_rj(2, 3, 1),
  ["pool-down"] = associate_rj(2, 3, 1),
  ["pool-full"] = associate_rj(2, 3, 2), -- transient, local limit exceeded
}

local function var(txn, name) return txn:get_var("txn.dicom." .. name) end
local function set(txn, name, value) txn:set_var("txn.dicom." .. name, value) end

-- Marks the association as refused for `reason`; dicom_refuse sends `answer` ("" says nothing).
local function refuse(txn, reason, answer)
  set(txn, "refusal", reason)
  if answer then
    set(txn, "answer", answer)
  elseif var(txn, "promised") then
    set(txn, "answer", ABORT_BY_PROVIDER)
  else
    set(txn, "answer", REFUSALS[reason] or ABORT_BY_PROVIDER)
  end
  return act.CONTINUE
end

local function now()
  local t = core.now()
  return t.sec * 1000 + t.usec // 1000
end

-- Milliseconds left of `limit`, counted from the first call with this `clock` name.
local function time_left(txn, clock, limit)
  local start = var(txn, clock)
  if not start then
    start = now()
    set(txn, clock, start)
  end
  return start + limit - now()
end

-- Waits for more bytes, at most `left` ms.
local function wait(left)
  act.wake_time(left + 1)
  return act.YIELD
end

local function pdu_header(channel, offset)
  local type, length = string.unpack(">BxI4", channel:data(offset, HEADER))
  return type, length
end

core.register_action("dicom_request", { "tcp-req" }, function(txn)
  if var(txn, "requested") or var(txn, "refusal") then return act.CONTINUE end
  local have = txn.req:input()
  if have > 0 and txn.req:data(0, 1):byte() ~= PDU.ASSOCIATE_RQ then return refuse(txn, "not-associate") end
  if have >= HEADER then
    local _, length = pdu_header(txn.req, 0)
    if HEADER + length > ROOM then return refuse(txn, "request-too-large") end
    if have >= HEADER + length then
      set(txn, "requested", HEADER + length)
      return act.CONTINUE
    end
  end
  if not txn.req:may_recv() then return refuse(txn, "client-closed", "") end
  local left = time_left(txn, "connected", ASSOCIATE_TIMEOUT)
  if left <= 0 then return refuse(txn, "request-timeout") end
  return wait(left)
end, 0)

-- Command set elements of `bytes` (implicit VR little endian, PS3.7 §6.3.1) by element number; nil if malformed.
local function command_elements(bytes)
  local elements, at = {}, 1
  while at <= #bytes do
    if at + 7 > #bytes then return nil end
    local group, element, length = string.unpack("<I2I2I4", bytes, at)
    if group ~= 0 or at + 7 + length > #bytes then return nil end
    elements[element] = bytes:sub(at + 8, at + 7 + length)
    at = at + 8 + length
  end
  return elements
end

local C_ECHO_RQ, C_ECHO_RSP = "\x30\x00", "\x30\x80"
local NO_DATASET = "\x01\x01"

local function element(number, value) return string.pack("<I2I2s4", 0, number, value) end

-- The P-DATA-TF PDU that answers a C-ECHO-RQ with success (PS3.7 §9.3.5.2).
local function echo_response(context_id, request)
  local elements = element(0x0002, request[0x0002] or "")
    .. element(0x0100, C_ECHO_RSP)
    .. element(0x0120, request[0x0110] or "\0\0")
    .. element(0x0800, NO_DATASET)
    .. element(0x0900, "\0\0")
  local command = element(0x0000, string.pack("<I4", #elements)) .. elements
  local pdv = string.pack(">I4BB", #command + 2, context_id, 3) .. command
  return string.pack(">BBI4", PDU.P_DATA_TF, 0, #pdv) .. pdv
end

-- Walks the P-DATA behind the A-ASSOCIATE-RQ, which ends at `base`, and says what stands there:
--   "more"      nothing complete yet
--   "ready"     a command that has no dataset, or a command with the last fragment of its dataset
--   "echo"      a whole C-ECHO-RQ: with its context id, elements, end, and the bytes left in its last PDU
--   "release", "abort", "unexpected", "malformed"
local function first_message(channel, base, have)
  local at, command, command_done = base, {}, false
  while at + HEADER <= have do
    local type, length = pdu_header(channel, at)
    if type == PDU.RELEASE_RQ then return at + HEADER + length <= have and "release" or "more" end
    if type == PDU.ABORT then return "abort" end
    if type ~= PDU.P_DATA_TF then return "unexpected" end
    local pdv, pdu_end = at + HEADER, at + HEADER + length
    while pdv < pdu_end do
      if pdv + PDV_HEADER > pdu_end then return "malformed" end
      if pdv + PDV_HEADER > have then return "more" end
      local pdv_length, context_id, control = string.unpack(">I4BB", channel:data(pdv, PDV_HEADER))
      local pdv_end = pdv + 4 + pdv_length
      if pdv_length < 2 or pdv_end > pdu_end then return "malformed" end
      if (control & 1 == 1) == command_done then return "malformed" end -- a command in a dataset, or the reverse
      if pdv_end > have then return "more" end
      local last = control & 2 == 2
      if command_done then
        if last then return "ready" end
      else
        if pdv_length > 2 then command[#command + 1] = channel:data(pdv + PDV_HEADER, pdv_length - 2) end
        if last then
          local elements = command_elements(table.concat(command))
          if not elements or not elements[0x0100] then return "malformed" end
          if elements[0x0100] == C_ECHO_RQ then return "echo", context_id, elements, pdv_end, pdu_end - pdv_end end
          if elements[0x0800] == NO_DATASET then return "ready" end
          command_done = true
        end
      end
      pdv = pdv_end
    end
    at = pdu_end
  end
  return "more"
end

-- Answers the C-ECHO-RQ that stands at `base` and takes it out of the buffer; what follows it stays framed.
local function answer_echo(txn, base, context_id, elements, message_end, rest)
  txn.res:send(echo_response(context_id, elements))
  txn.req:remove(base, message_end - base)
  if rest > 0 then txn.req:insert(string.pack(">BBI4", PDU.P_DATA_TF, 0, rest), base) end
end

-- Before HAProxy 3.0, between a question that failed and the same one again: lets the first one's limit pass, else the
-- second has none (see RESCUE), and with no agent left the client would wait for ever.
core.register_action("dicom_pause", { "tcp-req" }, function(txn, question)
  local left = time_left(txn, question .. "_failed_at", QUESTION)
  if left > 0 then return wait(left) end
  return act.CONTINUE
end, 1)

core.register_action("dicom_head", { "tcp-req" }, function(txn)
  if var(txn, "head") or var(txn, "refusal") then return act.CONTINUE end
  local base, promise = var(txn, "requested"), var(txn, "promise")
  if not var(txn, "promised") then
    set(txn, "promised", 1)
    txn.res:send(promise)
  end
  -- as much as the buffer and the SPOE frame, which also carries the RQ and the promise, can hold
  local room = ROOM - FRAME_OVERHEAD - base - #promise
  while true do
    local have = txn.req:input()
    local found, context_id, elements, message_end, rest = first_message(txn.req, base, have)
    if found == "echo" then
      answer_echo(txn, base, context_id, elements, message_end, rest)
    elseif found == "ready" or (found == "more" and have - base >= room) then
      set(txn, "head", txn.req:data(base, math.min(have - base, room)))
      return act.CONTINUE
    elseif found == "release" then
      return refuse(txn, "released", RELEASE_RP)
    elseif found == "abort" then
      return refuse(txn, "client-aborted", "")
    elseif found == "unexpected" then
      return refuse(txn, "unexpected-pdu", ABORT_UNEXPECTED_PDU)
    elseif found == "malformed" then
      return refuse(txn, "malformed-pdata", ABORT_INVALID_PARAMETER)
    else
      if not txn.req:may_recv() then return refuse(txn, "client-closed", "") end
      local left = time_left(txn, "promised_at", DATASET_TIMEOUT)
      if left <= 0 then return refuse(txn, "dataset-timeout") end
      local rescue = RESCUE - (DATASET_TIMEOUT - left)
      return wait(rescue > 0 and math.min(rescue, left) or left)
    end
  end
end, 0)

core.register_action("dicom_bind", { "tcp-req" }, function(txn)
  if var(txn, "bound") or var(txn, "refusal") then return act.CONTINUE end
  local backend = var(txn, "backend")
  if not backend then return refuse(txn, "agents-down") end
  if not core.backends[backend] then return refuse(txn, "no-such-pool") end
  if txn.f:nbsrv(backend) == 0 then return refuse(txn, "pool-down") end
  if txn.f:be_conn_free(backend) == 0 then return refuse(txn, "pool-full") end
  local offer = var(txn, "offer")
  if offer and txn.req:set(offer, 0, var(txn, "requested")) ~= #offer then return refuse(txn, "offer-too-large") end
  set(txn, "bound", 1)
  return act.CONTINUE
end, 0)

-- Sends the answer once, then drains until the client closes: a close with unread bytes would become a TCP reset,
-- and the client would never see the answer.
core.register_action("dicom_refuse", { "tcp-req" }, function(txn)
  local answer = var(txn, "answer") or ABORT_BY_PROVIDER
  if not var(txn, "refused") then
    set(txn, "refused", 1)
    if answer ~= "" then txn.res:send(answer) end
  end
  local have = txn.req:input()
  if have > 0 then txn.req:remove(0, have) end
  local left = time_left(txn, "refused_at", LINGER)
  if answer == "" or left <= 0 or not txn.req:may_recv() then return act.DENY end
  return wait(left)
end, 0)

-- The transfer syntax of each presentation context of an A-ASSOCIATE-RQ or -AC by context id (of an AC: of those
-- accepted), and the maximum PDU length; nil if malformed (PS3.8 §9.3.2, §9.3.3).
local function negotiated(pdu)
  local contexts, max_pdu_length = {}, 0
  local function items(from, to, visit)
    local at = from
    while at <= to do
      if at + 3 > to then return false end
      local type, length = string.unpack(">BxI2", pdu, at)
      if at + 3 + length > to then return false end
      if visit(type, at + 4, at + 3 + length) == false then return false end
      at = at + 4 + length
    end
    return true
  end
  local whole = #pdu >= 74 and items(75, #pdu, function(type, from, to)
    if type == 0x20 or type == 0x21 then
      if from + 3 > to then return false end
      local id, result = pdu:byte(from), type == 0x21 and pdu:byte(from + 2) or 0
      return items(from + 4, to, function(sub_type, sub_from, sub_to)
        if sub_type == 0x40 and result == 0 then contexts[id] = pdu:sub(sub_from, sub_to):gsub("[%z ]+$", "") end
      end)
    elseif type == 0x50 then
      return items(from, to, function(sub_type, sub_from, sub_to)
        if sub_type == 0x51 then
          if sub_to - sub_from ~= 3 then return false end
          max_pdu_length = string.unpack(">I4", pdu, sub_from)
        end
      end)
    end
  end)
  if whole then return contexts, max_pdu_length end
end

-- Whether the PACS's `answer` keeps the promise made to the client: every context of the offer accepted with the
-- transfer syntax that was promised, and PDUs accepted at least as long (0 is unlimited).
local function keeps_promise(answer, offer, promise)
  local accepted, max_pdu_length = negotiated(answer)
  local offered = negotiated(offer)
  local _, promised_length = negotiated(promise)
  if not accepted or not offered or not promised_length then return false end
  for id, transfer_syntax in pairs(offered) do
    if accepted[id] ~= transfer_syntax then return false end
  end
  return max_pdu_length == 0 or (promised_length ~= 0 and max_pdu_length >= promised_length)
end

local ANSWERS = { [PDU.ASSOCIATE_RJ] = "pacs-rejected", [PDU.ABORT] = "pacs-aborted" }

-- What is wrong with what the PACS has sent so far, nil if nothing; and the length of its whole A-ASSOCIATE-AC.
local function judge(txn)
  local have = txn.res:input()
  if have >= HEADER then
    local type, length = pdu_header(txn.res, 0)
    if type ~= PDU.ASSOCIATE_AC then return ANSWERS[type] or "pacs-not-dicom" end
    if HEADER + length > ROOM then return "pacs-answer-too-large" end
    if have >= HEADER + length then
      local answer = txn.res:data(0, HEADER + length)
      if keeps_promise(answer, var(txn, "offer"), var(txn, "promise")) then return nil, #answer end
      return "pacs-mismatch"
    end
  end
  if not txn.res:may_recv() then return "pacs-closed" end
end

core.register_action("dicom_settle", { "tcp-res" }, function(txn)
  if var(txn, "settled") then return act.CONTINUE end
  local left = time_left(txn, "bound_at", SETTLE_TIMEOUT)
  if not var(txn, "refusal") then
    local wrong, answer_length = judge(txn)
    if answer_length then
      txn.res:remove(0, answer_length)
      set(txn, "settled", 1)
      return act.CONTINUE
    end
    if not wrong and left <= 0 then wrong = "pacs-silent" end
    if not wrong then return wait(left) end
    set(txn, "refusal", wrong)
    local have = txn.res:input()
    if have > 0 then txn.res:remove(0, have) end
    txn.res:send(ABORT_BY_PROVIDER)
  end
  -- dicom_hold throws away what the client still sends, so that the A-ABORT outlives the close
  local lingering = time_left(txn, "refused_at", LINGER)
  if lingering <= 0 or not txn.req:may_recv() then return act.DENY end
  return wait(math.min(lingering, 50))
end, 0)

local Hold = { id = "DICOM: hold P-DATA until the PACS has accepted" }
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
  filter.wake_time(1)
  if self.offered then return 0 end
  self.offered = true
  return #var(txn, "offer")
end

core.register_filter("dicom_hold", Hold, function(class) return class end)
