-- An exact sliding window: at most LIMIT calls accepted in any WINDOW microseconds (t, t + WINDOW], on Redis's own clock.
-- KEYS[1] list of the accepted calls' times in microseconds, newest at the head
-- KEYS[2] hash of the use: `a<minute>` accepted and `r<minute>` refused calls of the last hour, `limit` and `window` as of
--         this minute, `behind` microseconds of the clock's steps back
-- ARGV[1] LIMIT   ARGV[2] WINDOW in microseconds   ARGV[3] 'charge', or 'look', which changes nothing
-- Returns {1 or 0, calls counted in the window now, microseconds until the next place is free (0: now),
--          microseconds until the whole window is free, the call's time in microseconds}.
-- The list never holds more than the highest LIMIT; what left the window is found by bisection and trimmed at once.
local limit, window, charging = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == 'charge'
local clock = redis.call('TIME')
local raw = clock[1] * 1000000 + clock[2]
local behind = tonumber(redis.call('HGET', KEYS[2], 'behind') or 0)
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0) or 0)
local length = redis.call('LLEN', KEYS[1])

-- Where the clock stepped back (ntp, another machine promoted), time goes on from the newest call, so that no call is
-- counted out early and nobody is shut out until the clock has caught up.
local now = raw + behind
if newest > now then
  behind = newest - raw
  now = newest
  if charging then redis.call('HSET', KEYS[2], 'behind', string.format('%.0f', behind)) end
end

local function has_left(place_from_tail)
  return tonumber(redis.call('LINDEX', KEYS[1], -place_from_tail)) <= now - window
end

-- how many calls left the window: none or one, mostly; else doubling steps, then bisection: `left` did, `stays` did not
local left, stays = 0, length + 1
while left + 1 < stays do
  local place = left == 0 and 1 or left * 2
  if place >= stays then place = math.floor((left + stays) / 2) end
  if has_left(place) then left = place else stays = place end
end
if left > 0 and charging then redis.call('LTRIM', KEYS[1], 0, -left - 1) end

local used = length - left
local accepted = 0
if used < limit and charging then
  redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
  accepted, used, newest = 1, used + 1, now
end

if charging then
  local minute = math.floor(raw / 60000000)
  local field = (accepted == 1 and 'a' or 'r') .. minute
  if redis.call('HINCRBY', KEYS[2], field, 1) == 1 then -- once a minute: forget what is older than an hour
    for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
      local counted = tonumber(string.match(name, '^[ar](%d+)$'))
      if counted and (counted <= minute - 60 or counted > minute) then redis.call('HDEL', KEYS[2], name) end
    end
    redis.call('HSET', KEYS[2], 'limit', limit, 'window', string.format('%.0f', window))
    redis.call('PEXPIRE', KEYS[2], math.max(math.ceil(window / 1000), 3600000) + 120000)
  end
end

-- the next place is free when the call that is LIMIT-th from the newest has left
local next_us, whole_us = 0, 0
if used >= limit then
  local last = redis.call('LINDEX', KEYS[1], limit - 1)
  next_us = tonumber(last) + window - now
end
if used > 0 then whole_us = newest + window - now end
return {accepted, used, string.format('%.0f', next_us), string.format('%.0f', whole_us), string.format('%.0f', now)}
