-- Gives a lease back before its time. The counter stays.
--
-- KEYS[1]  hash of `take-lease`
-- ARGV[1]  who held it
-- ARGV[2]  with which counter
-- Returns  1: it is free; 0: somebody else has it by now
own(KEYS[1], 'hash')
local lease = redis.call('HMGET', KEYS[1], 'owner', 'counter')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'untilMs', 0)
return 1
