"""The steps of the ledger that must happen whole or not at all, as Lua scripts for Redis.

A lease is (fence, node) until a moment. Fences only grow, also over a Redis that lost its memory, so of two attempts
the later has the higher; one with a lower fence can neither renew, nor take, nor end. `now` 0 means Redis's own clock.
"""

PRELUDE = """
local function clock(given)
  if tonumber(given) > 0 then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local function draw(counter)
  -- Microseconds, so that it is also above those that were drawn in a last second which Redis has lost.
  local fence = math.max(tonumber(redis.call('GET', counter) or 0) + 1, math.floor(clock(0) * 1000000))
  redis.call('SET', counter, string.format('%.0f', fence))
  return fence
end
local function holder(held, job)
  local fence, node = string.match(redis.call('HGET', held, job) or '', '^(%d+) (.*)$')
  return tonumber(fence or 0), node or ''
end
local function grant(fence, held, leases, job, node, ends)
  redis.call('HSET', held, job, string.format('%.0f', fence) .. ' ' .. node)
  redis.call('ZADD', leases, ends, job)
end
"""
"""Also for a script that hands a job to a node: `grant(draw(FENCE), HELD, LEASES, job, node, ends)`."""

TAKE = (
    PRELUDE
    + """
local job, node, now = ARGV[1], ARGV[2], clock(ARGV[4])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fence, by = holder(KEYS[3], job)
local ends = tonumber(redis.call('ZSCORE', KEYS[4], job) or 0)
local mine = by == node and node ~= ''
if by ~= '' and not mine and ends > now then return 0 end
if not (mine and ends > now) then fence = draw(KEYS[2]) end
grant(fence, KEYS[3], KEYS[4], job, node, now + tonumber(ARGV[3]))
return fence
"""
)
"""KEYS: done, fence, held, leases. ARGV: job, node, seconds, now. The fence; 0 when ended or held by another node."""

HOLD = (
    PRELUDE
    + """
local job, fence = ARGV[1], tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if holder(KEYS[2], job) > fence then return 0 end
grant(fence, KEYS[2], KEYS[3], job, ARGV[2], clock(ARGV[5]) + tonumber(ARGV[4]))
return 1
"""
)
"""KEYS: done, held, leases. ARGV: job, node, fence, seconds, now. What Redis forgot is taken again."""

END = (
    PRELUDE
    + """
local job, attempt, fence = ARGV[1], ARGV[2], tonumber(ARGV[3])
local ended = redis.call('GET', KEYS[1])
if ended and ended == attempt and attempt ~= '' then return 1 end
if ended or (fence > 0 and holder(KEYS[3], job) > fence) then
  if ARGV[6] ~= '' then redis.call('XADD', KEYS[7], '*', 'event', ARGV[6]) end
  return 0
end
redis.call('SET', KEYS[1], attempt, 'EX', ARGV[4])
redis.call('HDEL', KEYS[2], job)
redis.call('HDEL', KEYS[3], job)
redis.call('ZREM', KEYS[4], job)
redis.call('ZREM', KEYS[5], job)
redis.call('DEL', KEYS[6])
redis.call('XADD', KEYS[7], '*', 'event', ARGV[5])
return 1
"""
)
"""KEYS: done, live, held, leases, later, cancel, events. ARGV: job, attempt, fence (0: whoever), seconds, event, late.

One end per job. `late` is what is told instead of a result that came too late; empty for nothing.
"""

DISOWN = (
    PRELUDE
    + """
if holder(KEYS[1], ARGV[1]) > tonumber(ARGV[2]) then return 0 end
grant(draw(KEYS[3]), KEYS[1], KEYS[2], ARGV[1], '', 0)
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
"""
)
"""KEYS: held, leases, fence. ARGV: job, fence. Nobody holds the job any more, unless another does by now."""

AGAIN = (
    PRELUDE
    + """
local job = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if holder(KEYS[3], job) > tonumber(ARGV[2]) then return 0 end
grant(draw(KEYS[6]), KEYS[3], KEYS[4], job, '', 0)
redis.call('ZREM', KEYS[4], job)
redis.call('HSET', KEYS[2], job, ARGV[3])
redis.call('ZADD', KEYS[5], ARGV[5], job)
redis.call('XADD', KEYS[7], '*', 'event', ARGV[4])
return 1
"""
)
"""KEYS: done, live, held, leases, later, fence, events. ARGV: job, fence, record, event, at.

Whoever holds the job with that fence holds it no more, and it will be queued at `at`; 0 when another holds it by now.
"""

ENTER = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
return 1
"""
"""KEYS: done, live. ARGV: job, record. 0 when it has ended."""

CLAIM = """
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
"""KEYS: a claim. ARGV: owner, milliseconds. One that lasts longer was made before the clock was put back."""

KEEP_TIME = (
    PRELUDE
    + """
local now, last = clock(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], string.format('%.6f', now))
if now >= last then return '0' end
for number = 2, #KEYS do
  for _, job in ipairs(redis.call('ZRANGE', KEYS[number], 0, -1)) do
    redis.call('ZINCRBY', KEYS[number], now - last, job)
  end
end
return string.format('%.6f', last - now)
"""
)
"""KEYS: clock, sorted sets of moments. ARGV: now. How far the clock was put back since the last call.

The moments are put back with it, also those few that were noted since: whoever is at work renews his lease.
"""
