-- Exact sliding windows: at most LIMIT calls, or bytes, accepted in any WINDOW microseconds (t, t + WINDOW], on Redis's own clock.
-- A call is charged to all of its windows or to none.
-- KEYS[1] list of the first window   KEYS[2] hash of the use   KEYS[3...] lists of the other windows
--   A list holds what was accepted, newest at the head: of calls the time in microseconds, of bytes `<time> <bytes> <sum>`,
--   `sum` being the running total with this one. What left the window is found by bisection and trimmed at once.
--   The hash holds `a<minute>` accepted and `r<minute>` refused calls of the last hour, `limit` and `window` of the first
--   window as of this minute, `x:<name>` limit, window, unit and minute of each other one, and `behind`, the microseconds of
--   the clock's steps back.
-- ARGV[1] 'charge', or 'look', which changes nothing   ARGV[2] the bytes of this call's body
-- ARGV[3...] for each window: LIMIT, WINDOW in microseconds, 'calls' or 'bytes', name
-- Returns {1 or 0, the call's time in microseconds}, then for each window: used now, microseconds until a call like this one
--         fits (0: now), microseconds until the whole window is free.
local TURN = 2 ^ 51 -- running totals start again here; no window counts as much
local charging, bytes = ARGV[1] == 'charge', tonumber(ARGV[2])

local windows = {}
for i = 1, #KEYS - 1 do
  local at = 4 * i - 1
  local unit = ARGV[at + 2]
  windows[i] = {key = KEYS[i == 1 and 1 or i + 1], limit = tonumber(ARGV[at]), window = tonumber(ARGV[at + 1]), unit = unit,
                name = ARGV[at + 3], bytes = unit == 'bytes', amount = unit == 'bytes' and bytes or 1}
end

local function whole_number(number) return string.format('%.0f', number) end

-- the entry at that place of the list: time, bytes, sum
local function entry(w, place)
  local text = redis.call('LINDEX', w.key, place)
  if not w.bytes then return tonumber(text) end
  local at, size, sum = string.match(text, '^(%d+) (%d+) (%d+)$')
  return tonumber(at), tonumber(size), tonumber(sum)
end

-- Where the clock stepped back (ntp, another machine promoted), time goes on from the newest call, so that no call is
-- counted out early and nobody is shut out until the clock has caught up.
local clock = redis.call('TIME')
local raw = clock[1] * 1000000 + clock[2]
local behind = tonumber(redis.call('HGET', KEYS[2], 'behind') or 0)
local now = raw + behind
for _, w in ipairs(windows) do
  w.length, w.newest = redis.call('LLEN', w.key), 0
  if w.length > 0 then w.newest = entry(w, 0) end
  if w.newest > now then now = w.newest end
end
if now > raw + behind then
  behind = now - raw
  if charging then redis.call('HSET', KEYS[2], 'behind', whole_number(behind)) end
end

-- how many calls left the window: none or one, mostly; else doubling steps, then bisection: `left` did, `stays` did not
local function count_left(w)
  local left, stays = 0, w.length + 1
  while left + 1 < stays do
    local place = left == 0 and 1 or left * 2
    if place >= stays then place = math.floor((left + stays) / 2) end
    if entry(w, -place) <= now - w.window then left = place else stays = place end
  end
  return left
end

local function bytes_used(w)
  if w.length == w.left then return 0 end
  local _, _, newest_sum = entry(w, 0)
  local _, size, oldest_sum = entry(w, -w.left - 1)
  return (newest_sum - oldest_sum + size) % TURN
end

local accepted = 1
for _, w in ipairs(windows) do
  w.left = count_left(w)
  w.used = w.bytes and bytes_used(w) or w.length - w.left
  if w.used + w.amount > w.limit then accepted = 0 end
end
if not charging then accepted = 0 end

if accepted == 1 then -- only now is anything trimmed: time never goes back behind an accepted call, but it may behind a refused one
  for _, w in ipairs(windows) do
    if w.left > 0 then
      redis.call('LTRIM', w.key, 0, -w.left - 1)
      w.length, w.left = w.length - w.left, 0
    end
    if w.amount > 0 then
      local told = whole_number(now)
      if w.bytes then
        local sum = w.length > 0 and select(3, entry(w, 0)) or 0
        told = told .. ' ' .. whole_number(w.amount) .. ' ' .. whole_number((sum + w.amount) % TURN)
      end
      redis.call('LPUSH', w.key, told)
      redis.call('PEXPIRE', w.key, math.ceil(w.window / 1000) + 1000)
      w.length, w.used, w.newest = w.length + 1, w.used + w.amount, now
    end
  end
end

if charging then
  local minute = math.floor(raw / 60000000)
  local field = (accepted == 1 and 'a' or 'r') .. minute
  if redis.call('HINCRBY', KEYS[2], field, 1) == 1 then -- once a minute: forget what is older than an hour
    for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
      local counted = tonumber(string.match(name, '^[ar](%d+)$'))
      if not counted and string.sub(name, 1, 2) == 'x:' then
        counted = tonumber(string.match(redis.call('HGET', KEYS[2], name), ' (%d+)$'))
      end
      if counted and (counted <= minute - 60 or counted > minute) then redis.call('HDEL', KEYS[2], name) end
    end
    redis.call('HSET', KEYS[2], 'limit', windows[1].limit, 'window', whole_number(windows[1].window))
    redis.call('PEXPIRE', KEYS[2], math.max(math.ceil(windows[1].window / 1000), 3600000) + 120000)
  end
  for i = 2, #windows do
    local w = windows[i]
    local told = table.concat({whole_number(w.limit), whole_number(w.window), w.unit, whole_number(minute)}, ' ')
    if redis.call('HGET', KEYS[2], 'x:' .. w.name) ~= told then redis.call('HSET', KEYS[2], 'x:' .. w.name, told) end
  end
end

-- a call like this one fits when so many of the oldest have left that there is room for it
local function until_it_fits(w)
  if w.used + w.amount <= w.limit then return 0 end
  if w.amount > w.limit then return w.newest + w.window - now end
  if not w.bytes then return entry(w, w.limit - 1) + w.window - now end
  local _, _, newest_sum = entry(w, 0)
  local too_few, enough = 0, w.length - w.left
  while too_few + 1 < enough do
    local middle = math.floor((too_few + enough) / 2)
    local _, _, sum = entry(w, -w.left - middle)
    if (newest_sum - sum) % TURN + w.amount <= w.limit then enough = middle else too_few = middle end
  end
  return entry(w, -w.left - enough) + w.window - now
end

local answer = {accepted, whole_number(now)}
for _, w in ipairs(windows) do
  answer[#answer + 1] = whole_number(w.used)
  answer[#answer + 1] = whole_number(until_it_fits(w))
  answer[#answer + 1] = whole_number(w.used > 0 and w.newest + w.window - now or 0)
end
return answer
