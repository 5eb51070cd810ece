-- Takes a lease that nobody holds, or holds on to one's own.
--
-- KEYS[1]  hash: owner, untilMs (Redis' clock), counter; never expires, so that the counter only grows
-- ARGV[1]  who wants it
-- ARGV[2]  for how long, ms
-- ARGV[3]  the highest counter that is known of from elsewhere: Redis may have lost its own
-- Returns  {counter, 0} to the holder; {0, ms until it may be free} to everybody else
own(KEYS[1], 'hash')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'untilMs', 'counter')
-- What is no number was not written by a gateway.
local owner, untilMs, counter = lease[1], tonumber(lease[2] or 0) or 0, tonumber(lease[3] or 0) or 0
local known = tonumber(ARGV[3])
-- The clock of Redis went back, or that of the server that took over goes slow. Not at once less than ten times to live:
-- a gateway may be configured with a longer one than this.
local longest = now + 10 * tonumber(ARGV[2])
if untilMs > longest and owner ~= ARGV[1] then
  untilMs = longest
  redis.call('HSET', KEYS[1], 'untilMs', untilMs)
end
if untilMs > now and owner ~= ARGV[1] then
  return { 0, untilMs - now }
end
-- One that ran out is a new one, also for the same owner; so is one whose counter is not the newest.
if untilMs <= now or counter < known then
  counter = math.max(counter, known) + 1
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'untilMs', now + tonumber(ARGV[2]), 'counter', counter)
return { counter, 0 }
