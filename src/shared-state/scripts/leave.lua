-- A gateway that stops takes itself off the list.
--
-- KEYS[1]  sorted set of `announce`
-- KEYS[2]  hash of `announce`
-- ARGV[1]  id of the gateway
own(KEYS[1], 'zset')
own(KEYS[2], 'hash')
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 0
