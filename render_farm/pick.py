"""What must happen in Redis at one moment: take a job out of the line, put a line in order.

Scripts, because no moment may exist in which a job is in no queue and held by nobody. The keys, beside the ledger's:

    {ns}:waiting      hash    job -> what the line knows of it         from the queue's list until it is taken
    {ns}:running      hash    job -> the same                          of what was taken; swept when a line is planned
    {ns}:passed       hash    job -> how often it was passed over      because another suited the node better
    {ns}:control      hash    node -> paused | draining                until somebody resumes it
    {ns}:blocked:NODE hash    pipeline -> Unix time until when         it failed there too often
    {ns}:nodes        set     names of farm nodes                      see `nodes.py`
    {ns}:node:NODE    string  the node as JSON                         expires when it is not heard of
    {ns}:can:NODE     set     "pipeline@tier"                          what a node can run
    {ns}:resident:NODE set    pipeline                                 whose models it holds
    {ns}:idle:QUEUE   zset    node -> which of its queues this is      nodes that found nothing and wait
    {ns}:bell:NODE    list    wakes that node                          a hint: a node looks by itself every few seconds
    {ns}:changed      list    wakes who puts the lines in order        a hint as well
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from render_farm.job import NodeState, QueueName
from render_farm.ledger import redis_reached
from render_farm.line import Waiting
from render_farm.scripts import PRELUDE

WINDOW = 16
"""How far behind the first job that a node can run it looks for one that suits it better."""
MOST_PASSES = 4
MOST_RESIDENT = 3
TOLERANCE_GB = 1.0
"""A card of 24 GB tells of a little less; what a job needs is compared with the size on the box."""

COMMON = """
local ns = ARGV[1]
local function key(...) return table.concat({ns, ...}, ':') end
local now = tonumber(redis.call('TIME')[1])
local function tell_planner()
  if redis.call('LLEN', key('changed')) == 0 then redis.call('LPUSH', key('changed'), '1') end
end
local function is_blocked(node, pipeline)
  local till = redis.call('HGET', key('blocked', node), pipeline)
  return till and tonumber(till) > now
end
"""

_PICK = (
    PRELUDE
    + COMMON
    + """
local node, vram, window, most_passes = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
redis.call('DEL', key('bell', node))
local state = redis.call('HGET', key('control'), node)
if state then return {state} end

local can = {}
local function can_run(card)
  if card.vram_gb > vram then return false end
  local ability = card.pipeline .. '@' .. card.tier
  if can[ability] == nil then
    can[ability] = redis.call('SISMEMBER', key('can', node), ability) == 1 and not is_blocked(node, card.pipeline)
  end
  return can[ability]
end

-- What begins like a card that this node cannot run it cannot run either: ten thousand of them are read in no time.
local cannot = {}
local function needs(text)
  return text and string.match(text, '^{"pipeline": "[^"]*", "tier": "[^"]*", "vram_gb": [^,]*,')
end

local function read(job, text)
  if text then return cjson.decode(text) end
  local live = redis.call('HGET', key('live'), job)
  if not live then return nil end
  local order = cjson.decode(live).order
  return {pipeline = order.pipeline, tier = order.tier, vram_gb = order.vram_gb, project = order.project,
          person = order.person, priority = order.priority, seconds = order.expected_seconds,
          asked_at = order.asked_at, job = job}
end

local resident = {}
for _, pipeline in ipairs(cjson.decode(ARGV[5])) do resident[pipeline] = true end
if not next(resident) then window = 0 end

-- What the node can run of a queue: the first, and what stands up to `window` places behind it.
local function runnable(queue)
  local list, found, at, step, last = 'rq:queue:' .. ns .. ':' .. queue, {}, 0, 16, nil
  while not last or at <= last do
    local jobs = redis.call('LRANGE', list, at, at + step - 1)
    if #jobs == 0 then break end
    local cards = redis.call('HMGET', key('waiting'), unpack(jobs))
    for i, job in ipairs(jobs) do
      if last and at + i - 1 > last then break end
      local need = needs(cards[i])
      local card = not (need and cannot[need]) and read(job, cards[i])
      if card and can_run(card) then
        last = last or at + i - 1 + window
        found[#found + 1] = {job = job, list = list, queue = queue, card = card, text = cards[i]}
      elseif card and need then
        cannot[need] = true
      end
    end
    at, step = at + step, 256
  end
  return found
end

local function best(found)
  local head = found[1]
  if resident[head.card.pipeline] then return head end
  if tonumber(redis.call('HGET', key('passed'), head.job) or '0') >= most_passes then return head end
  for i = 2, #found do
    if found[i].card.priority == head.card.priority and resident[found[i].card.pipeline] then
      redis.call('HINCRBY', key('passed'), head.job, 1)
      return found[i]
    end
  end
  return head
end

local function before(one, other)
  if one.priority ~= other.priority then return one.priority > other.priority end
  return one.asked_at < other.asked_at
end

local function look()
  for _, level in ipairs(cjson.decode(ARGV[3])) do
    local first
    for _, queue in ipairs(level) do
      local found = runnable(queue)
      if found[1] and (not first or before(found[1].card, first[1].card)) then first = found end
    end
    if first then return best(first) end
  end
end

local taken = look()
for rank, level in ipairs(cjson.decode(ARGV[3])) do
  for _, queue in ipairs(level) do
    if taken then redis.call('ZREM', key('idle', queue), node)
    else redis.call('ZADD', key('idle', queue), rank, node) end
  end
end
if not taken then return {'idle'} end

local fence = draw(key('fence'))
local text = taken.text or cjson.encode(taken.card)
redis.call('LREM', taken.list, 1, taken.job)
redis.call('HDEL', key('waiting'), taken.job)
redis.call('HDEL', key('passed'), taken.job)
redis.call('HSET', key('running'), taken.job, text)
grant(fence, key('held'), key('leases'), taken.job, node, clock(0) + tonumber(ARGV[8]))
tell_planner()
return {'job', taken.job, taken.queue, text, string.format('%.0f', fence),
        unpack(redis.call('HGETALL', 'rq:job:' .. taken.job))}
"""
)
"""ARGV: namespace, node, levels of queues as JSON, VRAM, resident as JSON, window, passes, lease seconds."""

_REORDER = """
local present, still = redis.call('LRANGE', KEYS[1], 0, -1), {}
for _, job in ipairs(present) do still[job] = true end
local order = {}
for _, job in ipairs(ARGV) do
  if still[job] then order[#order + 1] = job; still[job] = nil end
end
for _, job in ipairs(present) do
  if still[job] then order[#order + 1] = job; still[job] = nil end
end
redis.call('DEL', KEYS[1])
for first = 1, #order, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(order, first, math.min(first + 999, #order)))
end
return #order
"""
"""KEYS: a queue's list. ARGV: the order wanted. Who left meanwhile stays away; who came meanwhile stands behind."""

_MOVE = (
    COMMON
    + """
local job, pivot, card = ARGV[2], ARGV[3], redis.call('HGET', key('waiting'), ARGV[2])
if not card or redis.call('LPOS', KEYS[1], job) == false then return 'gone' end
if pivot ~= '' and (pivot == job or redis.call('LPOS', KEYS[1], pivot) == false) then return 'no pivot' end
redis.call('LREM', KEYS[1], 0, job)
if pivot == '' then redis.call('RPUSH', KEYS[1], job) else redis.call('LINSERT', KEYS[1], 'BEFORE', pivot, job) end
card = cjson.decode(card)
card.pinned = true
redis.call('HSET', key('waiting'), job, cjson.encode(card))
tell_planner()
return 'moved'
"""
)
"""KEYS: a queue's list. ARGV: namespace, job, the job it goes before or nothing for the end."""


@dataclass(frozen=True)
class Picked:
    """A job that this node now holds under `fence`; nobody else can take it while the lease is renewed."""

    job: str
    queue: QueueName
    card: str
    """What the line knew of it, as JSON."""
    fence: int
    rq_record: Mapping[str, bytes]
    """RQ's; empty where RQ has lost it."""


@dataclass
class Station:
    """What a node brings to the line."""

    name: str
    queues: Sequence[QueueName]
    vram_gb: float
    lease_seconds: float
    resident: tuple[str, ...] = ()
    """Pipelines whose models are likely still in memory, the latest first."""
    job: str = ""
    """What it works on."""
    is_drained: bool = False
    on_change: Callable[[], None] = lambda: None
    """Called when it begins or ends a job."""

    def begins(self, card: Waiting) -> None:
        """Note what it works on: those models are in memory from now on, and may have pushed others out."""
        self.resident = resident_after(card.pipeline, self.resident)
        self.job = card.job
        self.on_change()

    def rests(self) -> None:
        """Note that it works on nothing."""
        if self.job:
            self.job = ""
            self.on_change()


class Scripts:
    """The scripts, callable; every method raises FarmUnavailable."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis, self._namespace = redis, namespace
        # redis-py types its replies as "sync or async"; the casts below say which.
        self._pick = cast("Callable[..., list[bytes]]", redis.register_script(_PICK))
        self._reorder = cast("Callable[..., int]", redis.register_script(_REORDER))
        self._move = cast("Callable[..., bytes]", redis.register_script(_MOVE))

    def pick(self, station: Station) -> Picked | NodeState | None:
        """Take the job that a node should run next; its control state where that forbids it; None: nothing here.

        A node that found nothing is noted as idle at the same moment, so that no job can be missed.
        """
        arguments: list[str | int | float] = [self._namespace, station.name, json.dumps(levels(station.queues))]
        vram_gb = station.vram_gb + TOLERANCE_GB if station.vram_gb else 0.0
        arguments += [vram_gb, json.dumps(station.resident), WINDOW, MOST_PASSES]
        arguments.append(station.lease_seconds)
        with redis_reached():
            answer = self._pick(args=arguments)
        kind, *told = (part.decode() for part in answer[:5])
        if kind == "job":
            job, queue, card, fence = told
            names = (name.decode() for name in answer[5::2])
            record = dict(zip(names, answer[6::2], strict=True))
            return Picked(job, cast("QueueName", queue), card, int(fence), record)
        return None if kind == "idle" else cast("NodeState", kind)

    def reorder(self, queue: QueueName, order: Sequence[str]) -> None:
        """Put a queue in order; jobs that left or came meanwhile are neither brought back nor lost."""
        with redis_reached():
            self._reorder(keys=[list_key(self._namespace, queue)], args=list(order))

    def move(self, queue: QueueName, job: str, before: str) -> str:
        """Put a job before another and pin it there: `moved`, `gone` or `no pivot`."""
        with redis_reached():
            return self._move(keys=[list_key(self._namespace, queue)], args=[self._namespace, job, before]).decode()


def resident_after(pipeline: str, resident: Sequence[str]) -> tuple[str, ...]:
    """Pipelines whose models a node likely holds once it runs that one, the latest first."""
    return (pipeline, *(other for other in resident if other != pipeline))[:MOST_RESIDENT]


def levels(queues: Sequence[QueueName]) -> list[list[QueueName]]:
    """Queues that count as one because they want the same card: a tier's and its style jobs' (I-041)."""
    found: dict[str, list[QueueName]] = {}
    for queue in queues:
        found.setdefault(queue.removeprefix("style_"), []).append(queue)
    return list(found.values())


def list_key(namespace: str, queue: QueueName) -> str:
    """The list in which RQ keeps a queue."""
    return f"rq:queue:{namespace}:{queue}"
