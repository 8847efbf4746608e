-- Elements of a dataset (PS3.5 §7.1), found by walking it: the same bytes may also stand in an item of a sequence, as a
-- reference to something else.

local UNDEFINED = 0xFFFFFFFF
local IMPLICIT = "1.2.840.10008.1.2"
local ITEM_END, SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD

-- VRs whose length takes four bytes (PS3.5 Table 7.1-1)
local LONG = {}
for vr in ("OB OD OF OL OV OW SQ SV UC UN UR UT UV"):gmatch("%a%a") do LONG[vr] = true end

-- Explicit VR little endian, encapsulated or not, but for what is compressed as a whole.
local function is_explicit(syntax)
  if syntax == "1.2.840.10008.1.2.4.95" or syntax == "1.2.840.10008.1.2.4.205" then return false end
  return syntax == "1.2.840.10008.1.2.1" or syntax == "1.2.840.10008.1.2.5"
    or syntax:find("^1%.2%.840%.10008%.1%.2%.4%.%d+$") ~= nil
end

-- Tag, VR ("" where the syntax is implicit), and lengths of the header and of the value, of the element at `at`; nil if
-- its header is not whole.
local function element_header(bytes, at, implicit)
  if at + 7 > #bytes then return nil end
  local group, element = string.unpack("<I2I2", bytes, at)
  local tag = group << 16 | element
  if implicit or group == 0xFFFE then return tag, "", 8, (string.unpack("<I4", bytes, at + 4)) end
  local vr = bytes:sub(at + 4, at + 5)
  if not LONG[vr] then return tag, vr, 8, (string.unpack("<I2", bytes, at + 6)) end
  if at + 11 > #bytes then return nil end
  return tag, vr, 12, (string.unpack("<I4", bytes, at + 8))
end

-- VR and value of the elements whose tags are in the set `wanted`, of which `last` is the greatest, by tag. nil if
-- more than these bytes of the dataset is needed; false if they cannot be found here. `complete`: these are all bytes.
local function elements(bytes, transfer_syntax, wanted, last, complete)
  local implicit = transfer_syntax == IMPLICIT
  if not implicit and not is_explicit(transfer_syntax) then return false end
  local found, at, depth = {}, 1, 0 -- depth: sequences and items of undefined length around this place
  while true do
    local tag, vr, header, length = element_header(bytes, at, implicit)
    if not tag then return complete and depth == 0 and at == #bytes + 1 and found or nil end
    at = at + header
    if tag == ITEM_END or tag == SEQUENCE_END then
      depth = depth - 1
      if depth < 0 then return false end
    elseif depth == 0 and tag > last then
      return found
    elseif length == UNDEFINED then
      if vr == "UN" or (depth == 0 and wanted[tag]) then return false end -- UN holds implicit VR (PS3.5 §6.2.2)
      depth = depth + 1
    else
      if depth == 0 and wanted[tag] then
        if at + length - 1 > #bytes then return nil end
        found[tag] = vr .. bytes:sub(at, at + length - 1)
      end
      at = at + length
      if depth == 0 and tag == last then return found end
    end
  end
end

return elements
