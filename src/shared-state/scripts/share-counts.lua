-- A gateway puts its counters beside those of the others, and is told what changed since it looked last.
--
-- KEYS[1]  hash: "birth" of this memory, number of the last "change"
-- KEYS[2]  hash: name of a set of counters, "<revision> <what they are>"; a set belongs to one gateway
-- KEYS[3]  sorted set: the same names, by the number of their last change
-- ARGV[1]  birth as the gateway knows it, "" where it wants everything
-- ARGV[2]  number of the last change that it knows
-- ARGV[3]  how long all of it is kept when nobody comes any more, ms
-- ARGV[4]  name of a set, and so on: kept where its revision is higher than the one that is here
-- ARGV[5]  "<revision> <what they are>"
-- Returns  the birth, the number of the last change, then name and text of each set that changed
own(KEYS[1], 'hash')
own(KEYS[2], 'hash')
own(KEYS[3], 'zset')
-- A number that no gateway wrote: this memory begins anew.
if not string.match(redis.call('HGET', KEYS[1], 'change') or '0', '^%d%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?$') then
  redis.call('DEL', KEYS[1])
end
local birth = redis.call('HGET', KEYS[1], 'birth')
local change = tonumber(redis.call('HGET', KEYS[1], 'change') or 0)
local known = tonumber(ARGV[2])
-- Emptied, or a replica that had not heard of everything: nobody's numbers count any more.
if not birth or (birth == ARGV[1] and change < known) then
  local time = redis.call('TIME')
  birth = time[1] .. '.' .. time[2]
  redis.call('HSET', KEYS[1], 'birth', birth)
end
if birth ~= ARGV[1] then
  known = 0
end

for at = 4, #ARGV, 2 do
  local here = redis.call('HGET', KEYS[2], ARGV[at])
  local revision = here and tonumber(string.match(here, '^%d+')) or -1
  if tonumber(string.match(ARGV[at + 1], '^%d+')) > revision then
    change = redis.call('HINCRBY', KEYS[1], 'change', 1)
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
    redis.call('ZADD', KEYS[3], change, ARGV[at])
  end
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[3])
end

local told = { birth, change }
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. known, '+inf')) do
  local counts = redis.call('HGET', KEYS[2], name)
  if counts then
    table.insert(told, name)
    table.insert(told, counts)
  else
    redis.call('ZREM', KEYS[3], name)
  end
end
return told
