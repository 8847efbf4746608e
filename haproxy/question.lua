-- Asks the agents, or tells them, through the frontend `guard`: as another task, so that no association waits for it.
-- Fields go as a count and, for each, its name and its value.

local ADDRESS = os.getenv("GUARD_BIND")
local ANSWER_TIMEOUT = 6 -- seconds: more than a question, its repetition and dicom_pause may take

local question = { ANSWER_TIMEOUT = ANSWER_TIMEOUT * 1000 }
local waiting = {} -- those that are still to be asked

-- One function for all questions: HAProxy 2.6 never lets go of one that it was given.
local function ask_agent()
  local asked = table.remove(waiting, 1)
  local socket = core.tcp()
  socket:settimeout(ANSWER_TIMEOUT)
  local answer = socket:connect(ADDRESS) and socket:send(asked.bytes) and socket:receive("*l")
  asked.verdict = answer and answer ~= "" and answer or asked.otherwise
  socket:close()
end

-- Asks for `asked.verdict`, which is set when the answer is there, or to `asked.otherwise` if there is none.
function question.ask(asked, fields)
  local parts = {}
  for name, value in pairs(fields) do parts[#parts + 1] = string.pack(">s4s4", name, value) end
  asked.bytes = string.pack(">s4", table.concat(parts))
  waiting[#waiting + 1] = asked
  core.register_task(ask_agent)
end

-- The fields again.
function question.read(bytes)
  local fields, at, name = {}, 1, nil
  while at <= #bytes do
    name, fields[""], at = string.unpack(">s4s4", bytes, at)
    fields[name] = fields[""]
  end
  fields[""] = nil
  return fields
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
