-- Sends the requests of a file, one per line, and tells how it went.
--
-- wrk … -s load.lua URL -- FILE MODE OUT [HEADER…]
--   FILE   a request per line: method, path and body, with tabs between
--   MODE   cycle: over and over; cycle:MS: so, with a pause before each on its connection; once: each once, then stop; feedback: the body of what an answer names next (see next_body)
--   OUT    a file for the answers' bodies, one per line; - for none
--   HEADER Name: value

local requests, count, at, mode, out = {}, 0, 0, "cycle", nil
local queue, first, last = {}, 1, 0
local method, path
local spare, spares = nil, 0
local pause

function setup(thread) thread:set("number", 1) end

local function split(line)
   local m, p, b = line:match("^([^\t]*)\t([^\t]*)\t?(.*)$")
   if b == "" then b = nil end
   return m, p, b
end

function init(args)
   local file = args[1]
   mode, pause = args[2]:match("^(%a+):?(%d*)$")
   if pause == "" then delay = nil end
   for i = 4, #args do
      local name, value = args[i]:match("^([^:]*): (.*)$")
      wrk.headers[name] = value
   end
   spare = wrk.format("GET", "/jwks.json")
   for line in io.lines(file) do
      local m, p, b = split(line)
      count = count + 1
      requests[count] = wrk.format(m, p, nil, b)
      if mode == "feedback" then
         method, path = m, p
         last = last + 1
         queue[last] = b
      end
   end
   if args[3] ~= "-" then
      out = io.open(args[3], "w")
      out:setvbuf("line")
   end
   if mode ~= "feedback" and not out then response = nil end
end

-- What is sent once all is sent: enough for every connection's last answer to come in, then wrk is told to end, as by Ctrl-C.
local function last_ones()
   spares = spares + 1
   if spares == 320 then
      os.execute("(sleep 0.02; kill -INT $PPID) &")
      wrk.thread:stop()
   end
   return spare
end

function delay() return tonumber(pause) end

function request()
   if mode == "feedback" then
      local body = queue[first]
      if not body then return last_ones() end
      queue[first] = nil
      first = first + 1
      return wrk.format(method, path, nil, body)
   end
   at = at + 1
   if at > count then
      if mode == "once" then return last_ones() end
      at = 1
   end
   return requests[at]
end

-- The refresh token that an answer brings is the next to be used.
function response(status, headers, body)
   if mode == "feedback" then
      local token = body:match('"refresh_token":"([^"]*)"')
      if token then
         last = last + 1
         queue[last] = "refresh_token=" .. token
      end
   end
   if out then out:write(body, "\n") end
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      'RESULT {"requests":%d,"us":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d,"max":%d}\n',
      summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
      latency:percentile(50), latency:percentile(99), latency.max))
end
