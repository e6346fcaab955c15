-- An exact sliding window: at most LIMIT calls accepted in any WINDOW microseconds, on Redis's own clock.
-- KEYS[1] list of the accepted calls' times in microseconds, newest at the head
-- ARGV[1] LIMIT   ARGV[2] WINDOW in microseconds
-- Returns {1 or 0, calls counted in the window now, microseconds until the oldest counted call leaves it}.
-- Each time is pushed once and popped once, so a charge costs amortised constant time; the list never holds more than LIMIT.
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local newest = redis.call('LINDEX', KEYS[1], 0)
if newest and tonumber(newest) > now then
  now = tonumber(newest) -- the clock stepped back: time stands still until it catches up, so no call is counted out early
end

local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and tonumber(oldest) <= now - window do
  redis.call('RPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], -1)
end

local used = redis.call('LLEN', KEYS[1])
local accepted = 0
if used < limit then
  redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
  accepted, used = 1, used + 1
  oldest = oldest or now
end

-- where the limit was lowered, the next place is free when enough of the oldest have left
local waits_for = oldest
if used > limit then
  waits_for = redis.call('LINDEX', KEYS[1], limit - 1)
end
return {accepted, used, string.format('%.0f', tonumber(waits_for) + window - now)}
