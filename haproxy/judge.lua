-- Judges the PACS's answer to an offer: the only one that settles an association is an A-ASSOCIATE-AC that keeps the
-- promise which the client was given.

local pdu = require "pdu"

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
return function(txn)
  local have = txn.res:input()
  if have >= pdu.HEADER then
    local type, length = string.unpack(">BxI4", txn.res:data(0, pdu.HEADER))
    if type ~= pdu.ASSOCIATE_AC then return ANSWERS[type] or "pacs-not-dicom" end
    if pdu.HEADER + length > pdu.ROOM then return "pacs-answer-too-large" end
    if have >= pdu.HEADER + length then
      local answer = txn.res:data(0, pdu.HEADER + length)
      if keeps_promise(answer, txn:get_var("txn.dicom.offer"), txn:get_var("txn.dicom.promise")) then
        return nil, #answer
      end
      return "pacs-mismatch"
    end
  end
  if not txn.res:may_recv() then return "pacs-closed" end
end
