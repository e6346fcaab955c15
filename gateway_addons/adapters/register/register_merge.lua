-- Brings records into a register; of two records under one key the newer stays.
-- KEYS[1] hash: key -> "<stamp> <nonce> <JSON>"   KEYS[2] the version: another text after each change, absent from an empty Redis;
--         its last word is `whole` once somebody who knew the whole register was here, before that `additions`
-- ARGV[1] `whole` or `additions`: does the caller know the whole register?
-- ARGV[2] how many records are given, then key and text of each; then key and text of each record that is over and may go,
--         if it is still that very one
-- Returns how many fields were changed.
local function rank(text)
  local stamp, nonce = string.match(text or '', '^(%d+) (%d+) ')
  return tonumber(stamp or -1), tonumber(nonce or -1)
end

local given, changed = tonumber(ARGV[2]), 0
local version = redis.call('GET', KEYS[2]) or ''
local was_whole = string.match(version, 'whole$') ~= nil
for i = 3, 2 * given + 1, 2 do
  local key, text = ARGV[i], ARGV[i + 1]
  local stamp, nonce = rank(text)
  local known_stamp, known_nonce = rank(redis.call('HGET', KEYS[1], key) or '')
  if stamp > known_stamp or (stamp == known_stamp and nonce > known_nonce) then
    redis.call('HSET', KEYS[1], key, text)
    changed = changed + 1
  end
end
for i = 2 * given + 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then changed = changed + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
local is_whole = was_whole or ARGV[1] == 'whole'
if changed > 0 or is_whole ~= was_whole then
  local clock = redis.call('TIME')
  local told = {clock[1], clock[2], redis.call('HLEN', KEYS[1]), changed, is_whole and 'whole' or 'additions'}
  redis.call('SET', KEYS[2], table.concat(told, ' '))
end
return changed
