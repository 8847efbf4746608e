-- The DICOM upper layer (PS3.8 §9.3) and command sets (PS3.7 §6.3) as far as HAProxy must know them.

-- What a SPOE frame's own fields take: names, addresses, lengths.
local FRAME_OVERHEAD = 512
local FRAME_SIZE = tonumber(os.getenv("FRAME_SIZE")) -- bytes; haproxy.cfg

local unpack = string.unpack

local pdu = {
  ROOM = tonumber(os.getenv("BUFFER_ROOM")), -- bytes of a buffer that a client can fill; haproxy.cfg
  ASSOCIATE_RQ = 1, ASSOCIATE_AC = 2, ASSOCIATE_RJ = 3, P_DATA_TF = 4, RELEASE_RQ = 5, RELEASE_RP = 6, ABORT = 7,
  STALE_POOLS = 8, -- that agents are told of at a time; see tell_stale in dicom.lua
  HEADER = 6, -- bytes: type, reserved, length of the rest as u32be (§9.3.1)
  REQUEST_FIXED = 68, -- bytes of an A-ASSOCIATE-RQ between that and its items (§9.3.2)
  PDV_HEADER = 6, -- bytes: length of the rest as u32be, context id, control (§9.3.5, E.2)
}

function pdu.header(type, length) return string.pack(">BBI4", type, 0, length) end

function pdu.associate_rj(result, source, reason)
  return pdu.header(pdu.ASSOCIATE_RJ, 4) .. string.char(0, result, source, reason)
end

function pdu.abort(source, reason) return pdu.header(pdu.ABORT, 4) .. string.char(0, 0, source, reason) end

pdu.RELEASE_RP_PDU = pdu.header(pdu.RELEASE_RP, 4) .. "\0\0\0\0"

-- Type, and length of the rest, of the PDU at offset `at` of `window`.
function pdu.read_header(window, at) return unpack(">BxI4", window:see(at, pdu.HEADER)) end

-- What stands at offset `at` of `window`, where `left` bytes of a P-DATA-TF PDU are still to come (0: a PDU begins):
--   nil           its headers are not whole yet
--   "malformed"   a PDV that does not fit its PDU
--   "other"       another PDU than P-DATA-TF: with its type and length, header included
--   "pdv"         with its header's length (and the PDU's, if the PDU begins here), the bytes of data, the context id,
--                 whether it is of a command, whether it is the last fragment, and what is then left of the PDU
function pdu.next(window, at, left)
  local have, header = window.input - at, pdu.PDV_HEADER
  local length, context_id, control
  if left > 0 then
    if left < header then return "malformed" end
    if have < header then return nil end
    length, context_id, control = unpack(">I4BB", window:see(at, header))
  else
    local type
    header = pdu.HEADER + pdu.PDV_HEADER
    if have >= header then
      type, left, length, context_id, control = unpack(">BxI4I4BB", window:see(at, header))
    elseif have >= pdu.HEADER then
      type, left = pdu.read_header(window, at)
    else
      return nil
    end
    if type ~= pdu.P_DATA_TF then return "other", type, pdu.HEADER + left end
    if left < pdu.PDV_HEADER then return "malformed" end
    if not length then return nil end
  end
  left = left - 4 - length
  if length < 2 or left < 0 then return "malformed" end
  return "pdv", header, length - 2, context_id, control & 1 == 1, control & 2 == 2, left
end

-- Where the run of P-DATA-TF PDUs ends that begins at offset `at` of `window`, each with one fragment of a dataset but not
-- the last one; that may be behind the input's end. Most PDUs are of this kind.
function pdu.end_of_run(window, at)
  local header = pdu.HEADER + pdu.PDV_HEADER
  while window.input - at >= header do
    local type, length, pdv_length, _, control = unpack(">BxI4I4BB", window:see(at, header))
    if type ~= pdu.P_DATA_TF or control ~= 0 or length ~= 4 + pdv_length or pdv_length < 2 then break end
    at = at + pdu.HEADER + length
  end
  return at
end

local function decode_command(bytes)
  local elements, at = {}, 1
  while at <= #bytes do
    local tag, value
    tag, value, at = unpack("<I4s4", bytes, at)
    if tag & 0xFFFF ~= 0 then return nil end -- the group
    elements[tag >> 16] = value
  end
  return elements[0x0100] and elements
end

-- Elements of a command set (implicit VR little endian) by element number; nil if malformed or without Command Field.
function pdu.command_elements(bytes)
  local whole, elements = pcall(decode_command, bytes)
  return whole and elements or nil
end

pdu.C_STORE_RQ, pdu.C_ECHO_RQ, pdu.C_CANCEL_RQ = "\x01\x00", "\x30\x00", "\xFF\x0F"
pdu.NO_DATASET = "\x01\x01"
pdu.SUCCESS, pdu.OUT_OF_RESOURCES = "\x00\x00", "\x00\xA7"

-- Of a response that others follow (PS3.7 Annex C).
local PENDING = { ["\x00\xFF"] = true, ["\x01\xFF"] = true }

-- Whether a command (its Command Field) is a response.
function pdu.is_response(field) return #field == 2 and field:byte(2) & 0x80 ~= 0 end

-- Of a command set: whether it is the response that ends a message's answers, and whether a dataset follows.
function pdu.response_ends(bytes)
  local at, size = 1, #bytes
  local field, dataset, status
  while at + 7 <= size do
    local tag, length = unpack("<I4I4", bytes, at)
    local value, number = at + 8, tag >> 16
    at = value + length
    if number == 0x0100 then
      field = bytes:sub(value, at - 1)
    elseif number == 0x0800 then
      dataset = bytes:sub(value, at - 1)
    elseif number == 0x0900 then
      status = bytes:sub(value, at - 1)
    end
  end
  return field and pdu.is_response(field) and not PENDING[status or ""], dataset ~= pdu.NO_DATASET
end

local function element(number, value) return string.pack("<I2I2s4", 0, number, value) end

-- The P-DATA-TF PDU that answers a request with `status` (PS3.7 §9.3.1.2, §9.3.5.2).
function pdu.response(context_id, request, status)
  local field = string.unpack("<I2", request[0x0100]) | 0x8000
  local elements = element(0x0002, request[0x0002] or "")
    .. element(0x0100, string.pack("<I2", field))
    .. element(0x0120, request[0x0110] or "\0\0")
    .. element(0x0800, pdu.NO_DATASET)
    .. element(0x0900, status)
    .. (request[0x1000] and element(0x1000, request[0x1000]) or "")
  local command = element(0x0000, string.pack("<I4", #elements)) .. elements
  local pdv = string.pack(">I4BB", #command + 2, context_id, 3) .. command
  return pdu.header(pdu.P_DATA_TF, #pdv) .. pdv
end

-- What the items negotiate that stand behind the fixed part of an A-ASSOCIATE-RQ or -AC.
local function read_items(bytes)
  local contexts, max_pdu_length = {}, 0
  local function items(from, to, visit)
    local at = from
    while at <= to do
      if at + 3 > to then return false end
      local type, length = string.unpack(">BxI2", bytes, at)
      if at + 3 + length > to then return false end
      if visit(type, at + 4, at + 3 + length) == false then return false end
      at = at + 4 + length
    end
    return true
  end
  local whole = items(1, #bytes, function(type, from, to)
    if type == 0x20 or type == 0x21 then
      if from + 3 > to then return false end
      local id, result = bytes:byte(from), type == 0x21 and bytes:byte(from + 2) or 0
      return items(from + 4, to, function(sub_type, sub_from, sub_to)
        if sub_type == 0x40 and result == 0 then contexts[id] = bytes:sub(sub_from, sub_to):gsub("[\0 ]+$", "") end
      end)
    elseif type == 0x50 then
      return items(from, to, function(sub_type, sub_from, sub_to)
        if sub_type == 0x51 then
          if sub_to - sub_from ~= 3 then return false end
          max_pdu_length = string.unpack(">I4", bytes, sub_from)
        end
      end)
    end
  end)
  return whole and { contexts = contexts, max_pdu_length = max_pdu_length } or {}
end

local KNOWN = 128 -- what clients ask for, and a PACS answers, comes in the same words again and again
local known, known_count = {}, 0

-- The transfer syntax of each presentation context of an A-ASSOCIATE-RQ or -AC by context id (of an AC: of those
-- accepted), and the maximum PDU length; nil if malformed (PS3.8 §9.3.2, §9.3.3).
function pdu.negotiated(bytes)
  if #bytes < pdu.HEADER + pdu.REQUEST_FIXED then return nil end
  local items = bytes:sub(pdu.HEADER + pdu.REQUEST_FIXED + 1)
  local found = known[items]
  if not found then
    if known_count == KNOWN then known, known_count = {}, 0 end
    found = read_items(items)
    known[items], known_count = found, known_count + 1
  end
  return found.contexts, found.max_pdu_length
end

-- The most that dicom_live may answer, and proc.dicom_stale may hold, in bytes.
local told_of_pools
local function pools_room()
  if not told_of_pools then
    local all, longest = 0, 0
    for name in pairs(core.backends) do
      all, longest = all + #name + 1, math.max(longest, #name)
    end
    told_of_pools = all + pdu.STALE_POOLS * (longest + #"=01234567 ")
  end
  return told_of_pools
end

-- What an A-ASSOCIATE-RQ may take (bytes): it must fit into a buffer and, in a question to the agent, into a SPOE frame.
function pdu.request_room() return math.min(pdu.ROOM, FRAME_SIZE - FRAME_OVERHEAD - pools_room()) end

-- What the head of a message may take (bytes) in a question, beside an A-ASSOCIATE-RQ, an -AC and another text, the name
-- of a rule or what pools take, of these lengths.
function pdu.head_room(request, promise, text)
  return FRAME_SIZE - FRAME_OVERHEAD - pools_room() - request - promise - text
end

return pdu
