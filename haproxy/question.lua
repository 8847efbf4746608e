-- Asks the agents, or tells them, through the frontend `guard`: as another task, so that no association waits for it.
-- Questions and answers are fields: a length, and the name and value of each.

local ADDRESS = os.getenv("GUARD_BIND")
local ANSWER_TIMEOUT = 6 -- seconds: more than a question, its repetitions and dicom_pause, or `learn`, may take

local question = { ANSWER_TIMEOUT = ANSWER_TIMEOUT * 1000 }
local waiting = {} -- those that are still to be asked

function question.write(fields)
  local parts = {}
  for name, value in pairs(fields) do parts[#parts + 1] = string.pack(">s4s4", name, value) end
  return string.pack(">s4", table.concat(parts))
end

-- The fields of what stands behind the length.
function question.read(bytes)
  local fields, at = {}, 1
  while at <= #bytes do
    local name, value
    name, value, at = string.unpack(">s4s4", bytes, at)
    fields[name] = value
  end
  return fields
end

local function exchange(socket, bytes)
  if not socket:connect(ADDRESS) or not socket:send(bytes) then return nil end
  local length = socket:receive(4)
  length = length and #length == 4 and string.unpack(">I4", length) or 0
  local answer = length > 0 and socket:receive(length)
  return answer and #answer == length and question.read(answer)
end

-- One function for all questions: HAProxy 2.6 never lets go of one that it was given.
local function ask_agent()
  local asked = table.remove(waiting, 1)
  local socket = core.tcp()
  socket:settimeout(ANSWER_TIMEOUT)
  asked.answer = exchange(socket, asked.bytes) or {}
  socket:close()
end

-- Asks these fields; `asked.answer` are those of the answer when it is there, or none if there was no answer.
function question.ask(asked, fields)
  asked.bytes = question.write(fields)
  waiting[#waiting + 1] = asked
  core.register_task(ask_agent)
end

-- Tells that a pool did not take what was promised: as what HAProxy's log has it, and what the PACS answered.
function question.tell_mismatch(txn, reason, answer)
  local function var(name) return txn:get_var("txn.dicom." .. name) end
  question.ask({}, {
    id = txn.f:unique_id(), bound_to = var("backend"), mismatch = reason,
    offer = var("offer"), promise = var("promise"), pacs_answer = answer,
  })
end

return question
