-- Elements of a dataset (PS3.5 §7.1), found by walking it: the same bytes may also stand in an item of a sequence, as a
-- reference to something else.

local unpack = string.unpack

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
  local group, element, vr, length = unpack("<I2I2c2I2", bytes, at)
  local tag = group << 16 | element
  if implicit or group == 0xFFFE then return tag, "", 8, (unpack("<I4", bytes, at + 4)) end
  if not LONG[vr] then return tag, vr, 8, length end
  if at + 11 > #bytes then return nil end
  return tag, vr, 12, (unpack("<I4", bytes, at + 8))
end

local MOST = 200 -- elements in a layout

-- A layout is what a walk has met: the headers, and how long the values between them are, which `format` takes apart, and which
-- of the parts are wanted. Images of a series are often laid out alike, and what a walk finds depends on nothing but headers.
local function new_layout(syntax) return { syntax = syntax, headers = {}, lengths = {}, places = {}, vrs = {}, size = 0 } end

local function note(layout, header, length)
  local place = #layout.headers + 1
  layout.headers[place], layout.lengths[place] = header, length
  layout.size = layout.size + #header + length
end

local function finished(layout) return #layout.headers <= MOST and layout or nil end

local function format_of(layout)
  local parts = {}
  for place, header in ipairs(layout.headers) do parts[place] = "c" .. #header .. "c" .. layout.lengths[place] end
  return "<" .. table.concat(parts)
end

-- What is wanted of `bytes` if they are laid out like this; else nil.
local function read_by(layout, bytes)
  if #bytes < layout.size then return nil end
  layout.format = layout.format or format_of(layout) -- many a first image has no second
  local parts, headers = { unpack(layout.format, bytes) }, layout.headers
  for index = 1, #headers do
    if parts[2 * index - 1] ~= headers[index] then return nil end
  end
  local found = {}
  for tag, index in pairs(layout.places) do found[tag] = layout.vrs[tag] .. parts[2 * index] end
  return found
end

-- VR and value of the elements whose tags are in the set `wanted`, of which `last` is the greatest, by tag. nil if
-- more than these bytes of the dataset is needed; false if they cannot be found here. `complete`: these are all bytes.
-- Then a layout, to be given back with the next dataset of which the same is wanted.
local function elements(bytes, transfer_syntax, wanted, last, complete, layout)
  if layout and layout.syntax == transfer_syntax then
    local found = read_by(layout, bytes)
    if found then return found, layout end
  end
  local implicit = transfer_syntax == IMPLICIT
  if not implicit and not is_explicit(transfer_syntax) then return false end
  local found, at, depth = {}, 1, 0 -- depth: sequences and items of undefined length around this place
  local met = new_layout(transfer_syntax)
  while true do
    local tag, vr, header, length = element_header(bytes, at, implicit)
    if not tag then return complete and depth == 0 and at == #bytes + 1 and found or nil end
    local value = at + header
    if tag == ITEM_END or tag == SEQUENCE_END then
      depth = depth - 1
      if depth < 0 then return false end
      length = 0
    elseif depth == 0 and tag > last then
      note(met, bytes:sub(at, value - 1), 0)
      return found, finished(met)
    elseif length == UNDEFINED then
      if vr == "UN" or (depth == 0 and wanted[tag]) then return false end -- UN holds implicit VR (PS3.5 §6.2.2)
      depth, length = depth + 1, 0
    elseif depth == 0 and wanted[tag] then
      if value + length - 1 > #bytes then return nil end
      found[tag] = vr .. bytes:sub(value, value + length - 1)
      met.places[tag], met.vrs[tag] = #met.headers + 1, vr
    end
    note(met, bytes:sub(at, value - 1), length)
    at = value + length
    if depth == 0 and tag == last then return found, finished(met) end
  end
end

return elements
