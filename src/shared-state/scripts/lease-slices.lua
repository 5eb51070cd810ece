-- Leases parts of limits per second to a gateway for a moment. All parts that are leased of a limit never add up to more.
--
-- KEYS[1]  begins the names of the hashes, one a limit: id of a gateway, "<part> <wish> <until, ms of Redis' clock>";
--          and "since", when the hash was made
-- ARGV[1]  id of the gateway
-- ARGV[2]  for how long, ms
-- ARGV[3]  how many gateways there are
-- ARGV[4]  name of a limit, and so on
-- ARGV[5]  the limit, a second
-- ARGV[6]  how much of it the gateway wants
-- ARGV[7]  what a gateway keeps that has not asked
-- Returns  for each limit: the part, and what all others want, both as text
-- Lua takes 'nan', 'inf' and '-1' for numbers, too.
local function amount(text)
  local number = tonumber(text)
  return number and number >= 0 and number < math.huge
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local untilMs = now + tonumber(ARGV[2])
local told = {}

for at = 4, #ARGV, 4 do
  local key = KEYS[1] .. ':' .. ARGV[at]
  local limit, wish, least = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  own(key, 'hash')
  local leased, wishes, silent = 0, 0, tonumber(ARGV[3]) - 1
  local all = redis.call('HGETALL', key)
  -- In a Redis that was emptied others may hold parts that it does not know, until they run out: an equal part is all for so long.
  local since = tonumber(redis.call('HGET', key, 'since'))
  -- Not since a time to come: the clock of Redis went back.
  if not since or since > now then
    since = now
    redis.call('HSET', key, 'since', now)
  end
  local most = now - since < tonumber(ARGV[2]) and limit / tonumber(ARGV[3]) or limit
  for i = 1, #all, 2 do
    local part, wished, ends = string.match(all[i + 1], '^(%S+) (%S+) (%S+)$')
    if all[i] == 'since' then
      -- No gateway's.
    elseif not (amount(part) and amount(wished) and amount(ends)) then
      -- No gateway wrote this.
      redis.call('HDEL', key, all[i])
    elseif tonumber(ends) <= now then
      redis.call('HDEL', key, all[i])
    elseif all[i] ~= ARGV[1] then
      leased = leased + tonumber(part)
      wishes = wishes + tonumber(wished)
      silent = silent - 1
      -- The clock of Redis went back: nobody holds anything for longer than a lease.
      if tonumber(ends) > untilMs then
        redis.call('HSET', key, all[i], string.format('%s %s %d', part, wished, untilMs))
      end
    end
  end
  local left = limit - leased - least * math.max(0, silent)
  local part = math.max(0, math.min(wish, left, most))
  redis.call('HSET', key, ARGV[1], string.format('%.9g %.9g %d', part, wish, untilMs))
  redis.call('PEXPIRE', key, ARGV[2] * 2)
  table.insert(told, string.format('%.9g', part))
  table.insert(told, string.format('%.9g', wishes))
end
return told
