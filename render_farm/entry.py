"""A job enters the line in one step: judged, noted, put in its queue and a node woken, or nothing of all that."""

from collections.abc import Callable, Mapping
from typing import cast

from redis import Redis

from render_farm.job import QUEUES, JobOrder
from render_farm.ledger import LiveJob, redis_reached
from render_farm.line import Waiting
from render_farm.pick import COMMON, list_key
from render_farm.scripts import PRELUDE

_ENTER = (
    PRELUDE
    + COMMON
    + """
local job, record, card, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local list, queue, pipeline, ability = KEYS[1], ARGV[6], ARGV[7], ARGV[7] .. '@' .. ARGV[8]
local queues = tonumber(ARGV[9])

if redis.call('EXISTS', key('done', job)) == 1 then return {'ended'} end
local known = redis.call('HGET', key('live'), job)
if known and known ~= seen then return {'known', known} end
if redis.call('EXISTS', key('cancel', job)) == 1 then return {'cancelled'} end
local now = clock(0)
local _, by = holder(key('held'), job)
if tonumber(redis.call('ZSCORE', key('later'), job) or 0) > now then return {'entered'} end
redis.call('ZREM', key('later'), job)
if by ~= '' and tonumber(redis.call('ZSCORE', key('leases'), job) or 0) > now then return {'entered'} end
if known then
  for i = 10, 9 + queues do
    if redis.call('LPOS', 'rq:queue:' .. ns .. ':' .. ARGV[i], job) then return {'entered'} end
  end
else
  redis.call('HSET', key('live'), job, record)
end
redis.call('HSET', key('waiting'), job, card)
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 10 + queues))
redis.call('SADD', 'rq:queues', list)
redis.call('RPUSH', list, job)
tell_planner()

local chosen, rank
local idle = redis.call('ZRANGE', key('idle', queue), 0, -1, 'WITHSCORES')
for i = 1, #idle, 2 do
  local node = idle[i]
  if chosen and idle[i + 1] ~= rank then break end
  if redis.call('EXISTS', key('node', node)) == 0 then
    redis.call('ZREM', key('idle', queue), node)
  elseif redis.call('SISMEMBER', key('can', node), ability) == 1 and not is_blocked(node, pipeline)
      and redis.call('HEXISTS', key('control'), node) == 0 then
    if not chosen then chosen, rank = node, idle[i + 1] end
    if redis.call('SISMEMBER', key('resident', node), pipeline) == 1 then chosen = node break end
  end
end
if chosen then
  for i = 10, 9 + queues do redis.call('ZREM', key('idle', ARGV[i]), chosen) end
  redis.call('LPUSH', key('bell', chosen), '1')
  redis.call('EXPIRE', key('bell', chosen), 60)
end
return {'entered'}
"""
)
"""KEYS: the queue's list, RQ's job. ARGV: namespace, job, live job, card, the live job as it was seen before or
nothing, queue, pipeline, tier, how many queues there are, all of them, RQ's fields and values.

Nothing happens to a job that has ended, is cancelled, is held, waits already or is put off; one that is known and was
not seen is only told. One idle node is woken that can run it: of those whose own queue it is first, and one that has
the pipeline's models.
"""

RqRecord = Mapping[str, str | bytes | int | float]


class Entry:
    """The script, callable; raises FarmUnavailable."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis, self._namespace = redis, namespace
        # redis-py types its replies as "sync or async"; the cast below says which.
        self._enter = cast("Callable[..., list[bytes]]", redis.register_script(_ENTER))

    def enter(self, order: JobOrder, as_rq: Callable[[JobOrder], tuple[str, RqRecord]]) -> tuple[str, JobOrder]:
        """`entered`, `ended` or `cancelled`, and the order as the farm knows it; the order of before, if there is one.

        `as_rq` makes RQ's key and record of an order.
        """
        seen = b""
        while True:
            rq_key, rq_record = as_rq(order)
            arguments = [self._namespace, order.job, LiveJob(order).as_json(), Waiting.of(order).as_json(), seen]
            arguments += [order.queue, order.pipeline, order.tier, len(QUEUES), *QUEUES]
            arguments += [part for pair in rq_record.items() for part in pair]
            with redis_reached():
                answer = self._enter(keys=[list_key(self._namespace, order.queue), rq_key], args=arguments)
            if answer[0] != b"known":
                return answer[0].decode(), order
            known = LiveJob.read(answer[1])
            if known is None:
                with redis_reached():
                    self._redis.hdel(f"{self._namespace}:live", order.job)
                continue
            # As it is by now: an attempt may have gone one tier up since.
            seen, order = answer[1], known.order
