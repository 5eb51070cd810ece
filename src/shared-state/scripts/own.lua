-- Stands before every script. What lies under the name of a key of ours and is of another type, nobody here wrote: it is
-- moved aside, so that whoever did write it may have it back, and the key is as if it had never been.
local function own(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    redis.call('RENAME', key, key .. ':foreign')
  end
end

