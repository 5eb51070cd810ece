-- A gateway says that it lives, and is told who else does.
--
-- KEYS[1]  sorted set: id of a gateway, by the time until which it counts (ms since 1970, Redis' clock)
-- KEYS[2]  hash: id of a gateway, what it told of itself
-- ARGV[1]  id of the gateway
-- ARGV[2]  what it tells of itself (JSON)
-- ARGV[3]  how long it counts without saying so again, ms
-- Returns  what each gateway that counts told of itself
own(KEYS[1], 'zset')
own(KEYS[2], 'hash')
-- So many gateways there are not: somebody else fills our keys, and reading them would stop Redis for everybody.
local most = 4096
if redis.call('ZCARD', KEYS[1]) > most or redis.call('HLEN', KEYS[2]) > most then
  redis.call('UNLINK', KEYS[1], KEYS[2])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[3])

redis.call('ZADD', KEYS[1], now + ttl, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
-- Of a cluster that was shut down nothing stays.
redis.call('PEXPIRE', KEYS[1], ttl * 2)
redis.call('PEXPIRE', KEYS[2], ttl * 2)
-- Redis may have lost one of the two, where it is short of memory: who is in one only does not count.
local told = {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if redis.call('ZSCORE', KEYS[1], all[i]) then
    table.insert(told, all[i + 1])
  else
    redis.call('HDEL', KEYS[2], all[i])
  end
end
return told
