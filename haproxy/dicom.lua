-- The DICOM upper layer (PS3.8) as far as HAProxy must know it: PDU and PDV framing, and the C-ECHO command.
--
-- Nothing is decided here. The agent decides, over SPOE; these steps bring it the bytes that it needs and carry out
-- what it answers. haproxy.cfg calls them in this order (variables are txn.dicom.*, `<` set by the agent):
--
--   dicom_request  waits for the whole A-ASSOCIATE-RQ                                          sets requested
--   dicom_limit    refuses a client that asks for too much
--   - associate -  SPOE                            < path (direct, delayed or refused), backend, promise, offer, …
--   dicom_learn    asks the same with more time, where the agent has pools to ask first
--   dicom_head     delayed only: sends the promise (an A-ASSOCIATE-AC), waits for the first dataset   sets head
--   - dataset -    SPOE                                                                   < backend, offer
--   dicom_await    before a question, where no agent is up            sets alone, if none is soon
--   dicom_pause    between a question and the same one again          sets alone, if no agent is left
--   dicom_bind     the gate: lets nothing pass but to a live pool; puts the offer in the RQ's place   sets bound
--   dicom_refuse   says no in DICOM and outlives the close
--   dicom_guard    a filter, in guard.lua: delayed only, from here to the end of the association
--   dicom_settle   delayed only: compares the PACS's answer with the promise and swallows it   sets settled
--
-- Lua asks the agent through a frontend of its own (question.lua): the guard about later datasets, and dicom_learn;
-- dicom_settle tells of a pool that did not take what was promised:
--
--   dicom_question  takes the question apart                                                 sets request, head, …
--   - instance -, - learn - or - mismatch -    SPOE                                 < verdict; path, promise, …
--   dicom_verdict   answers it
--
-- The agents ask pools what they accept through another one:
--
--   dicom_gateway   lets them in where a pool has room
--
-- Questions carry dicom_live, the pools that have a live server; those about what to promise also proc.dicom_stale, the
-- pools that have answered otherwise of late, `ct=TOKEN mr=TOKEN`: who has not seen a token yet forgets the pool.
--
-- HAProxy may evaluate its rule list again from the top after an action has yielded, so every step begins by asking
-- whether it is done. An action that ever returned act.YIELD must end with act.CONTINUE or act.DENY.

local pdu = require "pdu"
local now = require "clock"
local question = require "question"
local Window = require "window"

local LINGER = 2000 -- ms that a refused client gets to read its refusal and close
local SOON = 5 -- ms, for what cannot be waited for otherwise
local UNREAD = 32768 -- bytes of answers that wait for a client, beyond which its C-ECHOs wait, too

-- haproxy.cfg sets these in the environment, in seconds
local function setting(name) return tonumber(os.getenv(name)) or error("dicom.lua: " .. name .. " must be a number") end
local ASSOCIATE_TIMEOUT = setting("ASSOCIATE_TIMEOUT") * 1000
local DATASET_TIMEOUT = setting("DATASET_TIMEOUT") * 1000
local SETTLE_TIMEOUT = setting("SETTLE_TIMEOUT") * 1000

-- ms that a question to the agents may take: `timeout processing` in spoe-dicom.conf
local QUESTION = 700
local PAUSE = 500 -- ms between a question that failed and the same one again: see dicom_pause
local LEARN_TRIES = 4 -- like other questions
local NO_AGENT = 300 -- ms that may pass before a question, or after one, until an agent is up again

-- ms after the promise at which the stream is woken up once. HAProxy 2.6 loses the time limit of a SPOE message that
-- follows another within that limit: the stream's timer is still the first one's, comes too early, and is not set
-- again. The time of two questions and some, so that a lost one is noticed.
local RESCUE = 2 * QUESTION + 100

local ABORT_BY_USER = pdu.abort(0, 0)
local ABORT_BY_PROVIDER = pdu.abort(2, 0)
local ABORT_UNEXPECTED_PDU = pdu.abort(2, 2)
local ABORT_INVALID_PARAMETER = pdu.abort(2, 6)

-- Refusals that HAProxy finds by itself, before the promise: an A-ASSOCIATE-RJ, transient where a retry can help,
-- or what PS3.8 Table 9-10 asks for in Sta2. After the promise it is always an A-ABORT.
local REFUSALS = {
  ["not-associate"] = ABORT_BY_USER, -- AA-1
  ["malformed-request"] = ABORT_BY_USER,
  ["request-timeout"] = ABORT_BY_USER,
  ["request-too-large"] = pdu.associate_rj(1, 3, 2), -- permanent, local limit exceeded
  ["agents-down"] = pdu.associate_rj(2, 3, 1), -- transient, temporary congestion
  ["no-such-pool"] = pdu.associate_rj(2, 3, 1),
  ["pool-down"] = pdu.associate_rj(2, 3, 1),
  ["too-many-associations"] = pdu.associate_rj(2, 3, 2), -- transient, local limit exceeded
  ["too-many-connections"] = pdu.associate_rj(2, 3, 2),
  ["too-many-waiting"] = pdu.associate_rj(2, 3, 2),
  ["pool-full"] = pdu.associate_rj(2, 3, 2),
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

-- Milliseconds left of `limit`, counted from the first call with this `clock` name.
local function time_left(txn, clock, limit)
  local start = var(txn, clock)
  if not start then
    start = now()
    set(txn, clock, start)
  end
  return start + limit - now()
end

-- Whether the client has closed, even if there is no room for more of it. No step may wait then.
local function has_gone(txn) return Window.new():open(txn.req):ended() end

-- Waits for more bytes, at most `left` ms.
local function wait(left)
  act.wake_time(left + 1)
  return act.YIELD
end

-- Whether a pool has a live server. In a worker that goes on after a reload, nbsrv knows of none.
local function is_live(txn, name)
  if txn.f:nbsrv(name) > 0 then return true end
  for _, server in pairs(core.backends[name].servers) do
    if server:get_stats().status:find("^UP") then return true end
  end
  return false
end

core.register_fetches("dicom_live", function(txn)
  local live = {}
  for name in pairs(core.backends) do
    if is_live(txn, name) then live[#live + 1] = name end
  end
  return table.concat(live, " ")
end)

core.register_action("dicom_request", { "tcp-req" }, function(txn)
  if var(txn, "requested") or var(txn, "refusal") then return act.CONTINUE end
  local window = Window.new():open(txn.req)
  if window.input > 0 and window:read(0, 1):byte() ~= pdu.ASSOCIATE_RQ then return refuse(txn, "not-associate") end
  if window.input >= pdu.HEADER then
    local _, length = pdu.read_header(window, 0)
    -- what else may be wrong, the agent finds; but of no bytes at all, HAProxy makes no argument of a question
    if length < pdu.REQUEST_FIXED then return refuse(txn, "malformed-request") end
    if pdu.HEADER + length > pdu.request_room() then return refuse(txn, "request-too-large") end
    if window.input >= pdu.HEADER + length then
      set(txn, "requested", pdu.HEADER + length)
      set(txn, "asked_at", now())
      return act.CONTINUE
    end
  end
  if not txn.req:may_recv() then return refuse(txn, "client-closed", "") end
  local left = time_left(txn, "connected", ASSOCIATE_TIMEOUT)
  if left <= 0 then return refuse(txn, "request-timeout") end
  return wait(left)
end, 0)

-- Associations that have no PACS yet: they wait for their A-ASSOCIATE-RQ, an agent or their first dataset. Pools also
-- count those of agents, which come through `gateway`.
core.register_fetches("dicom_waiting", function(txn)
  local waiting = txn.f:fe_conn("dicom") + txn.f:fe_conn("gateway")
  for name in pairs(core.backends) do
    if name ~= "agents" then waiting = waiting - txn.f:be_conn(name) end
  end
  return waiting
end)

-- Refuses for `reason` a client that has asked, and was not answered.
core.register_action("dicom_limit", { "tcp-req" }, function(txn, reason)
  if not var(txn, "requested") or var(txn, "path") or var(txn, "refusal") then return act.CONTINUE end
  return refuse(txn, reason)
end, 1)

-- Where a walk through the P-DATA behind the A-ASSOCIATE-RQ stands, which ends at `base`: `left` bytes of a PDU are still to
-- come, and of the first message's command, these fragments are there, or all of its elements.
local function new_walk(base) return { at = base, left = 0, command = {}, elements = nil } end

-- Goes on with a walk, so that no PDV is looked at twice however small the pieces are that come, and says what stands there:
--   "more"      nothing complete yet
--   "ready"     a command that has no dataset, or a command with the last fragment of its dataset
--   "echo"      a whole C-ECHO-RQ: with its context id
--   "release", "abort", "unexpected", "malformed"
local function first_message(window, walk)
  while true do
    local found, header, length, context_id, is_command, last, pdu_left = pdu.next(window, walk.at, walk.left)
    if not found then return "more" end
    if found == "malformed" then return "malformed" end
    if found == "other" then
      local type, whole = header, length
      if type == pdu.RELEASE_RQ then return walk.at + whole <= window.input and "release" or "more" end
      return type == pdu.ABORT and "abort" or "unexpected"
    end
    if is_command == (walk.elements ~= nil) then return "malformed" end -- a command in a dataset, or the reverse
    local data = walk.at + header
    if data + length > window.input then return "more" end
    walk.at, walk.left = data + length, pdu_left
    if is_command then
      walk.command[#walk.command + 1] = window:read(data, length)
      if last then
        local elements = pdu.command_elements(table.concat(walk.command))
        if not elements then return "malformed" end
        walk.elements = elements
        if elements[0x0100] == pdu.C_ECHO_RQ then return "echo", context_id end
        if elements[0x0800] == pdu.NO_DATASET then return "ready" end
      end
    elseif last then
      return "ready"
    end
  end
end

-- Answers the C-ECHO-RQ that stands between `base` and the walk's end, and takes it out of the buffer; what follows it stays
-- framed.
local function answer_echo(txn, base, context_id, walk)
  txn.res:send(pdu.response(context_id, walk.elements, pdu.SUCCESS))
  txn.req:remove(base, walk.at - base)
  if walk.left > 0 then txn.req:insert(pdu.header(pdu.P_DATA_TF, walk.left), base) end
end

-- Waits for a client to read what it was answered before its first dataset. No event tells that it has.
local function wait_for_reader(txn)
  if has_gone(txn) then return refuse(txn, "client-closed", "") end
  local left = time_left(txn, "promised_at", DATASET_TIMEOUT)
  if left <= 0 then return refuse(txn, "dataset-timeout") end
  local waited = -time_left(txn, "unread_at", 0)
  return wait(math.min(left, SOON + waited // 8))
end

-- Before a question, where no agent is up: waits a little for one. Else it is not asked: HAProxy before 3.0 would connect
-- again and again, with all of its processor time, until nobody asks any more. It waits to the end, whoever comes: a timer
-- that is still to go off would take the place of the question's own (see RESCUE).
core.register_action("dicom_await", { "tcp-req" }, function(txn)
  if not var(txn, "awaited_at") and is_live(txn, "agents") then return act.CONTINUE end
  local left, is_gone = time_left(txn, "awaited_at", NO_AGENT), has_gone(txn)
  if left >= 0 and not is_gone then return wait(left) end
  txn:unset_var("txn.dicom.awaited_at")
  set(txn, "asked_at", now())
  if is_gone or not is_live(txn, "agents") then set(txn, "alone", 1) end
  return is_gone and refuse(txn, "client-closed", "") or act.CONTINUE
end, 0)

-- Between a question that failed and the same one again. When an agent dies, each of its connections does, and none of
-- them is to be asked again. Before HAProxy 3.0, the first one's limit must pass, too, else the second has none (see RESCUE),
-- and with no agent left the client would wait for ever: so it is not asked then. The `nth` pause of a question has variables
-- of its own, so that it stays over when the list is evaluated again; a variable's name takes no hyphen.
core.register_action("dicom_pause", { "tcp-req" }, function(txn, question, nth)
  local asked_at = var(txn, question .. "_asked_at_" .. nth) or var(txn, "asked_at")
  local next_at = question .. "_asked_at_" .. tonumber(nth) + 1
  local since = now() - asked_at
  local left = math.max(time_left(txn, question .. "_failed_at_" .. nth, PAUSE), QUESTION + SOON - since)
  if left <= 0 then
    if not var(txn, next_at) then set(txn, next_at, now()) end
    return act.CONTINUE
  end
  if has_gone(txn) then return refuse(txn, "client-closed", "") end -- HAProxy has given up the question with it
  if since > NO_AGENT and not is_live(txn, "agents") then
    set(txn, "alone", 1)
    return act.CONTINUE
  end
  return wait(math.min(left, 50))
end, 2)

local function ask_to_learn(txn, nth)
  local asked = { nth = nth }
  txn:set_priv(asked)
  question.ask(asked, {
    id = txn.f:unique_id(), client = txn.f:src() or "", cn = var(txn, "cn") or "", learning = "1",
    request = txn.req:data(pdu.HEADER, var(txn, "requested") - pdu.HEADER),
  })
  return asked
end

-- Asks the agent again, which asks pools meanwhile what they accept; and three times more, if agents fail.
core.register_action("dicom_learn", { "tcp-req" }, function(txn)
  if var(txn, "path") or var(txn, "refusal") then return act.CONTINUE end
  local asked = txn:get_priv() or ask_to_learn(txn, 1)
  if asked.answer and not asked.answer.path and asked.nth < LEARN_TRIES then
    -- perhaps its agent has died, and so will its other connections
    local left = time_left(txn, "learn_failed_at_" .. asked.nth, PAUSE)
    if left > 0 then return wait(left) end
    if is_live(txn, "agents") then asked = ask_to_learn(txn, asked.nth + 1) end
  end
  if not asked.answer then
    if not txn.req:may_recv() then return refuse(txn, "client-closed", "") end
    return wait(SOON)
  end
  for name, value in pairs(asked.answer) do set(txn, name, value) end
  return act.CONTINUE
end, 0)

core.register_action("dicom_head", { "tcp-req" }, function(txn)
  if var(txn, "head") or var(txn, "bound") or var(txn, "refusal") then return act.CONTINUE end
  local base, promise = var(txn, "requested"), var(txn, "promise")
  if not var(txn, "promised") then
    set(txn, "promised", 1)
    txn.res:send(promise)
    txn:set_priv(new_walk(base))
  end
  local room = pdu.head_room(base, #promise, #(var(txn, "takes") or ""))
  while true do
    if txn.res:output() > UNREAD then return wait_for_reader(txn) end
    local window, walk = Window.new():open(txn.req), txn:get_priv()
    local found, context_id = first_message(window, walk)
    local have = window.input - base
    if found == "echo" then
      answer_echo(txn, base, context_id, walk)
      txn:set_priv(new_walk(base))
    elseif found == "ready" or (found == "more" and have >= room) then
      set(txn, "head", window:read(base, math.min(have, room)))
      set(txn, "asked_at", now())
      return act.CONTINUE
    elseif found == "release" then
      return refuse(txn, "released", pdu.RELEASE_RP_PDU)
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
  if not is_live(txn, backend) then return refuse(txn, "pool-down") end
  if txn.f:be_conn_free(backend) == 0 then return refuse(txn, "pool-full") end
  local offer = var(txn, "offer")
  if var(txn, "promised") then
    -- the PACS's answer is to begin at the buffer's origin: see window.lua
    if txn.res:output() > 0 then return wait_for_reader(txn) end
    set(txn, "request", txn.req:data(pdu.HEADER, var(txn, "requested") - pdu.HEADER))
  end
  if offer and txn.req:set(offer, 0, var(txn, "requested")) ~= #offer then return refuse(txn, "offer-too-large") end
  set(txn, "bound", 1)
  txn:unset_var("txn.dicom.head") -- tens of KB
  return act.CONTINUE
end, 0)

-- Sends the answer once, then drains until the client closes: a close with unread bytes would become a TCP reset,
-- and the client would never see the answer.
core.register_action("dicom_refuse", { "tcp-req" }, function(txn)
  local answer = var(txn, "answer") or ABORT_BY_PROVIDER
  if not var(txn, "refusing") then
    set(txn, "refusing", 1)
    if answer ~= "" then txn.res:send(answer) end
  end
  local have = txn.req:input()
  if have > 0 then txn.req:remove(0, have) end
  local left = time_left(txn, "refused_at", LINGER)
  if answer == "" or left <= 0 or not txn.req:may_recv() then return act.DENY end
  return wait(left)
end, 0)

local ANSWERS = { [pdu.ASSOCIATE_RJ] = "pacs-rejected", [pdu.ABORT] = "pacs-aborted" }

-- Whether the PACS's `answer` keeps the promise made to the client: every context of the offer accepted with the
-- transfer syntax that was promised, and PDUs accepted at least as long (0 is unlimited).
local function keeps_promise(answer, offer, promise)
  local accepted, max_pdu_length = pdu.negotiated(answer)
  local offered = pdu.negotiated(offer)
  local _, promised_length = pdu.negotiated(promise)
  if not accepted or not offered or not promised_length then return false end
  for id, transfer_syntax in pairs(offered) do
    if accepted[id] ~= transfer_syntax then return false end
  end
  return max_pdu_length == 0 or (promised_length ~= 0 and max_pdu_length >= promised_length)
end

-- What is wrong with what the PACS has sent so far, nil if nothing; and the length of its whole A-ASSOCIATE-AC.
local function judge(txn)
  local have = txn.res:input()
  if have >= pdu.HEADER then
    local type, length = string.unpack(">BxI4", txn.res:data(0, pdu.HEADER))
    if type ~= pdu.ASSOCIATE_AC then return ANSWERS[type] or "pacs-not-dicom" end
    if pdu.HEADER + length > pdu.ROOM then return "pacs-answer-too-large" end
    if have >= pdu.HEADER + length then
      local answer = txn.res:data(0, pdu.HEADER + length)
      if keeps_promise(answer, var(txn, "offer"), var(txn, "promise")) then return nil, #answer end
      return "pacs-mismatch"
    end
  end
  if not txn.res:may_recv() then return "pacs-closed" end
end

-- What agents know of a pool, and promised by, is not so any more: tells them, with their next question.
local function tell_stale(txn, pool)
  local stale = { pool .. "=" .. txn.f:unique_id():sub(1, 8) }
  for entry, name in (txn:get_var("proc.dicom_stale") or ""):gmatch("((%S+)=%x+)") do
    if name ~= pool and #stale < pdu.STALE_POOLS then stale[#stale + 1] = entry end
  end
  txn:set_var("proc.dicom_stale", table.concat(stale, " "))
end

-- Of what is wrong with an answer, what shows that the pool accepts something else than it was known to.
local STALE = { ["pacs-mismatch"] = true, ["pacs-rejected"] = true }

core.register_action("dicom_settle", { "tcp-res" }, function(txn)
  if var(txn, "settled") then return act.CONTINUE end
  local left = time_left(txn, "bound_at", SETTLE_TIMEOUT)
  if not var(txn, "refusal") then
    local wrong, answer_length = judge(txn)
    if answer_length then
      txn.res:remove(0, answer_length)
      set(txn, "settled", 1)
      if txn.res:may_recv() then core.yield() end -- no event would have HAProxy call the guard for what it holds
      return act.CONTINUE
    end
    if not wrong and left <= 0 then wrong = "pacs-silent" end
    if not wrong then return wait(left) end
    set(txn, "refusal", wrong)
    local have = txn.res:input()
    if STALE[wrong] then
      tell_stale(txn, var(txn, "backend"))
      question.tell_mismatch(txn, wrong, txn.res:data(0, have))
    end
    if have > 0 then txn.res:remove(0, have) end
    txn.res:send(ABORT_BY_PROVIDER)
    txn.req:remove(0, txn.req:input()) -- so that HAProxy reads on
  end
  -- the guard throws away what the client still sends, so that the A-ABORT outlives the close
  local lingering = time_left(txn, "refused_at", LINGER)
  if lingering <= 0 or not txn.req:may_recv() then return act.DENY end
  return wait(math.min(lingering, 50))
end, 0)

-- What was asked, or told, by question.lua.
core.register_action("dicom_question", { "tcp-req" }, function(txn)
  if var(txn, "asked_at") then return act.CONTINUE end
  local have = txn.req:input()
  if have >= 4 then
    local length = string.unpack(">I4", txn.req:data(0, 4))
    if have >= 4 + length then
      for name, value in pairs(question.read(txn.req:data(4, length))) do set(txn, name, value) end
      set(txn, "asked_at", now())
      return act.CONTINUE
    end
  end
  if not txn.req:may_recv() then return act.DENY end
  return wait(1000)
end, 0)

local ANSWERED = { "verdict", "path", "calling", "called", "rule", "promise", "takes", "at", "refusal", "answer" }

core.register_service("dicom_verdict", "tcp", function(applet)
  local fields = {}
  for _, name in ipairs(ANSWERED) do fields[name] = applet:get_var("txn.dicom." .. name) end
  applet:send(question.write(fields))
end)

-- A pool that is down or full is not waited for; of the other backends, that of the agents is none of theirs.
core.register_action("dicom_gateway", { "tcp-req" }, function(txn)
  local pool = var(txn, "pool")
  local is_pool = pool and pool ~= "agents" and core.backends[pool]
  if not is_pool or not is_live(txn, pool) or txn.f:be_conn_free(pool) == 0 then return act.DENY end
  return act.CONTINUE
end, 0)
