-- Unstick for Wireshark: the services over TCP and UDP, as docs/protocol.md has them.
--
--   wireshark -X lua_script:wireshark/unstick.lua wire.pcap
--   tshark -X lua_script:wireshark/unstick.lua -r wire.pcap -Y unstick
--
-- To have it always, copy it to the folder that Help > About > Folders calls "Personal Lua Plugins".
-- Other ports: Preferences > Protocols > UNSTICK.

local unstick = Proto("unstick", "Unstick")

local PORTS = { echo = 8080, frame = 8086, message = 8087, command = 8088, udp_echo = 8092, udp_command = 8093 }
local HEADER = 1024 -- bytes of a header at most (rule H1)
local SHOWN = 60 -- bytes of a text in the info column

local f = unstick.fields
f.service = ProtoField.string("unstick.service", "Service")
f.text = ProtoField.string("unstick.text", "Text")
f.line = ProtoField.string("unstick.line", "Bare request")
f.prefix = ProtoField.int32("unstick.prefix", "Prefix")
f.header = ProtoField.string("unstick.header", "Header")
f.id = ProtoField.string("unstick.id", "Id")
f.command = ProtoField.string("unstick.command", "Command")
f.status = ProtoField.string("unstick.status", "Status")
f.filename = ProtoField.string("unstick.filename", "File name")
f.total_size = ProtoField.string("unstick.total_size", "Size of the body")
f.md5 = ProtoField.string("unstick.md5", "MD5 of the body")
f.exit = ProtoField.string("unstick.exit", "Exit code")
f.body = ProtoField.bytes("unstick.body", "Body")
f.request_in = ProtoField.framenum("unstick.request_in", "Request in", base.NONE, frametype.REQUEST)
f.response_in = ProtoField.framenum("unstick.response_in", "Response in", base.NONE, frametype.RESPONSE)
f.broken = ProtoField.string("unstick.broken", "Broken rule")

local wrong = ProtoExpert.new("unstick.wrong", "Breaks a rule", expert.group.PROTOCOL, expert.severity.ERROR)
local refused = ProtoExpert.new("unstick.refused", "Refused", expert.group.RESPONSE_CODE, expert.severity.NOTE)
unstick.experts = { wrong, refused }

for name, port in pairs(PORTS) do
  unstick.prefs[name] = Pref.uint("Port of " .. name:gsub("udp_(.*)", "%1 over UDP"), port)
end

-- Which frames ask and answer, by conversation and id.
local asked, answered_by, answers_to

function unstick.init()
  asked, answered_by, answers_to = {}, {}, {}
end

-- Says that a rule is broken: in the tree, as an expert's word and in the info column.
local function breaks(tree, pinfo, rule, what)
  local item = tree:add(f.broken, rule .. ": " .. what)
  item:set_generated()
  item:add_proto_expert_info(wrong, "breaks rule " .. rule .. ": " .. what)
  pinfo.cols.info:append(" [breaks " .. rule .. "]")
end

-- The members of the outermost object of a JSON text, as they are written; or nil and the broken rule.
local function members(text)
  local at, depth, found = 1, 0, {}
  local function space()
    at = text:find("[^ \t\r\n]", at) or #text + 1
  end
  local function string_end()
    local to = at + 1
    while true do
      local c = text:sub(to, to)
      if c == "" or c < " " then return nil end
      if c == "\\" then to = to + 1 elseif c == '"' then return to end
      to = to + 1
    end
  end
  local function value()
    space()
    local begin, c = at, text:sub(at, at)
    if c == '"' then
      local to = string_end()
      if not to then return nil, "H2" end
      at = to + 1
      return text:sub(begin, to)
    end
    if c == "{" or c == "[" then
      depth = depth + 1
      if depth > 7 then return nil, "H4" end -- within the header's own object
      local close = c == "{" and "}" or "]"
      at = at + 1
      space()
      while text:sub(at, at) ~= close do
        local _, rule = value()
        if rule then return nil, rule end
        space()
        if c == "{" then
          if text:sub(at, at) ~= ":" then return nil, "H2" end
          at = at + 1
          _, rule = value()
          if rule then return nil, rule end
          space()
        end
        local after = text:sub(at, at)
        if after == "," then at = at + 1 elseif after ~= close then return nil, "H2" end
        space()
      end
      at, depth = at + 1, depth - 1
      return text:sub(begin, at - 1)
    end
    local word = text:match("^[%w%.%+%-]+", at)
    if not word then return nil, "H2" end
    at = at + #word
    return word
  end
  space()
  if text:sub(at, at) ~= "{" then return nil, "H2" end
  at = at + 1
  space()
  while text:sub(at, at) ~= "}" do
    local key, rule = value()
    if not key or key:sub(1, 1) ~= '"' then return nil, rule or "H2" end
    space()
    if text:sub(at, at) ~= ":" then return nil, "H2" end
    at = at + 1
    local it
    it, rule = value()
    if not it then return nil, rule end
    key = key:sub(2, -2)
    if found[key] then return nil, "H4" end
    found[key] = it
    space()
    local after = text:sub(at, at)
    if after == "," then at = at + 1 elseif after ~= "}" then return nil, "H2" end
    space()
  end
  at = at + 1
  space()
  if at <= #text then return nil, "H2" end
  return found
end

-- What a member says, without the quotes of a text; nil where it is absent or null.
local function said(found, key)
  local raw = found[key]
  if not raw or raw == "null" then return nil end
  return raw:match('^"(.*)"$') or raw
end

local function shown(text)
  text = text:gsub("[%c]", ".")
  return #text > SHOWN and text:sub(1, SHOWN) .. "..." or text
end

-- Ties a reply to its request.
local function link(tree, pinfo, conversation, id, is_request)
  if not id then return end
  local key = conversation .. " " .. id
  if not pinfo.visited then
    if is_request then
      asked[key] = pinfo.number
    elseif asked[key] then
      answers_to[key .. pinfo.number] = asked[key]
      answered_by[key .. asked[key]] = pinfo.number
    end
  end
  local other = is_request and answered_by[key .. pinfo.number] or answers_to[key .. pinfo.number]
  if other then
    tree:add(is_request and f.response_in or f.request_in, other):set_generated()
  end
end

-- A header in the tree. Returns its members, or nil where it breaks a rule.
local function header(tree, pinfo, range, is_request)
  local text = range:string()
  tree:add(f.header, range, text)
  if text == "" then return breaks(tree, pinfo, "H2", "the header is empty") end
  if text:sub(1, 3) == "\239\187\191" then return breaks(tree, pinfo, "H2", "a byte order mark") end
  local found, rule = members(text)
  if not found then return breaks(tree, pinfo, rule, "the header is not one JSON object within its bounds") end
  for _, key in ipairs({ "id", "command", "status", "filename", "total_size", "md5", "exit" }) do
    local value = key == "id" and found.id or said(found, key)
    if value and value ~= "null" then tree:add(f[key], range, value) end
  end
  local size = found.total_size
  if size and size ~= "null" and not size:match("^%d+$") then
    breaks(tree, pinfo, "H5", "total_size is " .. size)
    return nil
  end
  if said(found, "filename") and said(found, "filenema") then
    return breaks(tree, pinfo, "H6", "filename and filenema")
  end
  if is_request and not said(found, "command") then breaks(tree, pinfo, "C3", "no command") end
  return found
end

local function told(pinfo, found, is_request)
  local id = found.id and found.id ~= "null" and " " .. found.id or ""
  if is_request then
    pinfo.cols.info:append(" request" .. id .. " " .. shown(said(found, "command") or "?"))
  else
    local size = said(found, "total_size") or "0"
    pinfo.cols.info:append(" reply" .. id .. " " .. (said(found, "status") or "") .. " " .. size .. " bytes")
  end
end

-- Messages of one segment, or of several that Wireshark puts together. Returns how many more bytes are
-- wanted from an offset on, if any.
local function messages(buffer, tree, pinfo, conversation, service, is_request)
  local offset = 0
  while offset < buffer:len() do
    local left = buffer:len() - offset
    if left < 4 then return offset, DESEGMENT_ONE_MORE_SEGMENT end
    local prefix = buffer(offset, 4):le_int()
    local item = tree:add(unstick, buffer(offset), "Unstick " .. service .. (is_request and " request" or " reply"))
    item:add(f.service, service):set_generated()
    item:add_le(f.prefix, buffer(offset, 4))
    if prefix < 0 then return breaks(item, pinfo, "F1", "a prefix of " .. prefix) end
    if prefix > HEADER then return breaks(item, pinfo, "H1", "a header of " .. prefix .. " bytes") end
    if left < 4 + prefix then return offset, 4 + prefix - left end
    local found = header(item, pinfo, buffer(offset + 4, prefix), is_request)
    if not found then return end
    local size = tonumber(said(found, "total_size") or "0")
    if left < 4 + prefix + size then return offset, 4 + prefix + size - left end
    if size > 0 then item:add(f.body, buffer(offset + 4 + prefix, size)) end
    item:set_len(4 + prefix + size)
    told(pinfo, found, is_request)
    local status = said(found, "status")
    if status and status ~= "ok" then item:add_proto_expert_info(refused, "refused: " .. status) end
    if service == "command" then link(item, pinfo, conversation, found.id, is_request) end
    offset = offset + 4 + prefix + size
  end
end

local function frames(buffer, tree, pinfo)
  local offset = 0
  while offset < buffer:len() do
    local left = buffer:len() - offset
    if left < 4 then return offset, DESEGMENT_ONE_MORE_SEGMENT end
    local prefix = buffer(offset, 4):le_int()
    local item = tree:add(unstick, buffer(offset), "Unstick frame reply")
    item:add(f.service, "frame"):set_generated()
    item:add_le(f.prefix, buffer(offset, 4))
    if prefix < 0 then return breaks(item, pinfo, "F1", "a prefix of " .. prefix) end
    if left < 4 + prefix then return offset, 4 + prefix - left end
    item:set_len(4 + prefix)
    if prefix > 0 then item:add(f.text, buffer(offset + 4, prefix), buffer(offset + 4, prefix):string()) end
    pinfo.cols.info:append(" reply " .. prefix .. " bytes")
    offset = offset + 4 + prefix
  end
end

local function lines(buffer, tree, pinfo, service)
  for line in buffer():string():gmatch("[^\n]+") do
    local item = tree:add(unstick, buffer(), "Unstick " .. service .. " request")
    item:add(f.service, service):set_generated()
    line = line:gsub("\r$", "")
    item:add(f.line, buffer(), line)
    pinfo.cols.info:append(" request " .. shown(line))
    if #line > 1024 then breaks(item, pinfo, "B1", "a request of " .. #line .. " bytes") end
  end
end

local function echo(buffer, tree, pinfo)
  local item = tree:add(unstick, buffer(), "Unstick echo")
  item:add(f.service, "echo"):set_generated()
  item:add(f.text, buffer(), buffer():string())
  pinfo.cols.info:append(" echo " .. buffer:len() .. " bytes")
end

local function datagram(buffer, tree, pinfo, conversation, is_request)
  local item = tree:add(unstick, buffer(), "Unstick command " .. (is_request and "request" or "reply"))
  item:add(f.service, "command"):set_generated()
  if buffer:len() < 4 then return breaks(item, pinfo, "F3", "no whole prefix") end
  local prefix = buffer(0, 4):le_int()
  item:add_le(f.prefix, buffer(0, 4))
  if prefix < 0 then return breaks(item, pinfo, "F1", "a prefix of " .. prefix) end
  if prefix > HEADER then return breaks(item, pinfo, "H1", "a header of " .. prefix .. " bytes") end
  if buffer:len() < 4 + prefix then return breaks(item, pinfo, "F3", "the datagram ends in its header") end
  local found = header(item, pinfo, buffer(4, prefix), is_request)
  if not found then return end
  local size, body = tonumber(said(found, "total_size") or "0"), buffer:len() - 4 - prefix
  if body > 0 then item:add(f.body, buffer(4 + prefix)) end
  told(pinfo, found, is_request)
  local is_short = not is_request and body == 0
  if size ~= body and not is_short then
    breaks(item, pinfo, "U1", "a body of " .. body .. " bytes, the header says " .. size)
  end
  link(item, pinfo, conversation, found.id, is_request)
end

local function between(pinfo, port)
  local here, there = tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
  local is_request = pinfo.dst_port == port
  return is_request and here .. " " .. there or there .. " " .. here, is_request
end

-- The service of a packet, and its port.
local function service_of(pinfo, is_udp)
  for name in pairs(PORTS) do
    local port = unstick.prefs[name]
    if (name:match("^udp_") ~= nil) == is_udp and (pinfo.dst_port == port or pinfo.src_port == port) then
      return name:gsub("^udp_", ""), port
    end
  end
end

function unstick.dissector(buffer, pinfo, tree)
  local is_udp = pinfo.port_type == 3 -- PT_UDP
  local service, port = service_of(pinfo, is_udp)
  if not service or buffer:len() == 0 then return 0 end
  local conversation, is_request = between(pinfo, port)
  pinfo.cols.protocol = "Unstick"
  pinfo.cols.info = service
  local from, more
  if service == "echo" then
    echo(buffer, tree, pinfo)
  elseif is_udp then
    datagram(buffer, tree, pinfo, conversation, is_request)
  elseif is_request and service ~= "command" then
    lines(buffer, tree, pinfo, service)
  elseif service == "frame" then
    from, more = frames(buffer, tree, pinfo)
  else
    from, more = messages(buffer, tree, pinfo, conversation, service, is_request)
  end
  if more then
    pinfo.desegment_offset, pinfo.desegment_len = from, more
  end
  return buffer:len()
end

local registered = {}

-- Registers the ports, anew when they are changed.
local function register()
  for _, it in ipairs(registered) do it.table:remove(it.port, unstick) end
  registered = {}
  for name in pairs(PORTS) do
    local it = { table = DissectorTable.get(name:match("^udp_") and "udp.port" or "tcp.port"), port = unstick.prefs[name] }
    it.table:add(it.port, unstick)
    table.insert(registered, it)
  end
end

function unstick.prefs_changed()
  register()
end

register()
