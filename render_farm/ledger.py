"""What Redis knows of every job besides its place in a queue: the live order, who holds it, the cancel flag, the end.

RQ forgets a job some minutes after it ended and can lose one whose worker was killed, so "once" is decided here:

    {ns}:live          hash    job -> {order, tries}   from submit until the end
    {ns}:held          hash    job -> "fence node"     who holds it; without a node: the last holder was disowned
    {ns}:leases        sorted  job -> when its lease runs out, by Redis's clock
    {ns}:fence         number  the last fence that was drawn
    {ns}:later         sorted  job -> when it is to be queued again
    {ns}:clock         number  what Redis's clock said when the reaper last looked
    {ns}:cancel:JOB    somebody asked for its end
    {ns}:done:JOB      attempt that ended it           for DONE_SECONDS; the first end is the only one
    {ns}:faults:NODE   sorted  "pipeline attempt" -> when it went wrong there
    {ns}:blocked:NODE  hash    pipeline -> until when it gets no more of it (seconds of the epoch)
    {ns}:events        stream of events to the recorder
"""

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import structlog
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from render_farm import scripts
from render_farm.job import AnyEvent, BadOrder, ExitReason, FarmUnavailable, JobOrder, Progressed
from render_farm.recovery import BLOCKED_SECONDS, FAULT_SECONDS, Tries, blocks

REDIS_AWAY = (
    *(RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError),
    OutOfMemoryError,  # its own: it takes nothing more until there is room again
)
MOST_UNHEARD = 20_000
"""Events that wait for a hub; beyond them nobody is told of progress, which would fill Redis while the hub is away."""
DONE_SECONDS = 30 * 24 * 3600
"""Longer than anything that could still ask for the job again without reading the takes document first."""
FENCE = "WORKPRINT_FENCE"
"""The environment variable in which an attempt finds the fence that its node was given with the job."""

log = structlog.get_logger("workprint.farm")

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class LiveJob:
    """A job between its order and its end; `tries` counts its attempts by how they ended."""

    order: JobOrder
    tries: Tries = field(default_factory=dict[ExitReason, int])

    def as_json(self) -> str:
        """As Redis keeps it."""
        return json.dumps({"order": self.order.as_json(), "tries": dict(self.tries)})

    @staticmethod
    def read(record: bytes) -> "LiveJob | None":
        """What `as_json` wrote; None for the order of a version that wrote it otherwise, until a hub enters it anew."""
        value = cast("dict[str, Any]", json.loads(record))
        try:
            return LiveJob(JobOrder.from_json(value["order"]), value.get("tries", {}))
        except BadOrder as error:
            log.warning("the order of another version does not read", error=str(error))
            return None


class Holder(NamedTuple):
    """Who holds a job: an attempt on that node, until the lease runs out (seconds of the epoch)."""

    fence: int = 0
    node: str = ""
    until: float = 0.0


NOBODY = Holder()


def connect(url: str) -> Redis:
    """A client that says within seconds that Redis is away. `url` is redis://, rediss:// or unix://."""
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
        url,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 1),
    )


@contextmanager
def redis_reached() -> Generator[None]:
    """Turn every way in which Redis can be away into FarmUnavailable."""
    try:
        yield
    except REDIS_AWAY as error:
        raise FarmUnavailable("The farm cannot be reached: Redis does not answer") from error


class Ledger:
    """The keys above, and the only code that touches them; every method raises FarmUnavailable."""

    def __init__(self, redis: Redis, namespace: str, clock: Callable[[], float] = lambda: 0.0) -> None:
        """`clock` tells seconds of the epoch; 0 leaves it to Redis, whose clock all nodes share."""
        self.redis = redis
        self.namespace = namespace
        self._clock = clock
        self.most_unheard = MOST_UNHEARD
        # redis-py types its replies as "sync or async"; the casts below say which.
        self._take, self._hold, self._end, self._again = (
            cast("Callable[..., int]", redis.register_script(script))
            for script in (scripts.TAKE, scripts.HOLD, scripts.END, scripts.AGAIN)
        )
        self._disown, self._enter, self._claim = (
            cast("Callable[..., int]", redis.register_script(script))
            for script in (scripts.DISOWN, scripts.ENTER, scripts.CLAIM)
        )
        self._keep_time = cast("Callable[..., bytes]", redis.register_script(scripts.KEEP_TIME))

    def key(self, *parts: str) -> str:
        """A key of this installation."""
        return ":".join((self.namespace, *parts))

    def enter(self, order: JobOrder) -> bool:
        """Note an order as live, unless it is noted; False when the job has already come to its end."""
        with redis_reached():
            keys = [self.key("done", order.job), self.key("live")]
            record = cast("bytes | None", self.redis.hget(keys[1], order.job))
            if record is not None and LiveJob.read(record) is None:
                self.redis.hdel(keys[1], order.job)
            return bool(self._enter(keys=keys, args=[order.job, LiveJob(order).as_json()]))

    def live(self) -> set[str]:
        """The jobs that were ordered and have not ended."""
        with redis_reached():
            return {job.decode() for job in cast("list[bytes]", self.redis.hkeys(self.key("live")))}

    def live_job(self, job: str) -> LiveJob | None:
        """The live job of that id."""
        with redis_reached():
            record = cast("bytes | None", self.redis.hget(self.key("live"), job))
        return LiveJob.read(record) if record else None

    def again(self, live: LiveJob, fence: int, event: AnyEvent, at: float) -> bool:
        """Take a job from the holder of that fence and have it queued at `at`, as `live` says; told to the recorder.

        False when the job has ended or another holds it by now, and then nothing happens.
        """
        job = live.order.job
        keys = [self.key("done", job), *map(self.key, ("live", "held", "leases", "later", "fence", "events"))]
        with redis_reached():
            return bool(
                self._again(keys=keys, args=[job, fence, live.as_json(), json.dumps(event.as_json()), repr(at)])
            )

    def disown(self, job: str, fence: int) -> bool:
        """Take a job from the holder of that fence, who never began it; False when another holds it by now."""
        with redis_reached():
            return bool(self._disown(keys=[self.key("held"), self.key("leases"), self.key("fence")], args=[job, fence]))

    def put_off(self) -> dict[str, float]:
        """The jobs that wait for their time to be queued again, and when that is."""
        with redis_reached():
            return _scores(self.redis, self.key("later"))

    def publish(self, event: AnyEvent) -> None:
        """Put an event on the stream that does not end the job."""
        with redis_reached():
            if isinstance(event, Progressed) and self.redis.xlen(self.key("events")) >= self.most_unheard:
                return
            self.redis.xadd(self.key("events"), {"event": json.dumps(event.as_json())})

    def end(self, event: AnyEvent, fence: int = 0, late: AnyEvent | None = None) -> bool:
        """End a job and tell the recorder, at once. The same end again is no second one.

        False when it had ended before or another holds it with a higher fence: then `late` is told instead, if given.
        Without a fence it ends whoever holds it.
        """
        job = event.job
        keys = [self.key("done", job), *map(self.key, ("live", "held", "leases", "later"))]
        keys += [self.key("cancel", job), self.key("events")]
        told = [json.dumps(event.as_json()), json.dumps(late.as_json()) if late is not None else ""]
        with redis_reached():
            return bool(self._end(keys=keys, args=[job, event.attempt, fence, DONE_SECONDS, *told]))

    def is_done(self, job: str) -> bool:
        """Whether a job has come to its end."""
        with redis_reached():
            return bool(self.redis.exists(self.key("done", job)))

    def take_lease(self, job: str, node: str, seconds: float) -> int:
        """Hold the job on a node, and the fence to do so; that of the hand-over, where the node was handed the job.

        0 when the job has ended or another node holds it.
        """
        keys = [self.key("done", job), *map(self.key, ("fence", "held", "leases"))]
        with redis_reached():
            return self._take(keys=keys, args=[job, node, seconds, self._clock()])

    def renew_lease(self, job: str, node: str, fence: int, seconds: float) -> bool:
        """Hold the job for `seconds` more; False when it has ended or another has taken it over."""
        keys = [self.key("done", job), self.key("held"), self.key("leases")]
        with redis_reached():
            return bool(self._hold(keys=keys, args=[job, node, fence, seconds, self._clock()]))

    def holder(self, job: str) -> Holder:
        """Who holds a job, or held it last; a lease that ran out counts until somebody disowns its holder."""
        return self.holders([job])[job]

    def holders(self, jobs: Iterable[str]) -> dict[str, Holder]:
        """Who holds each of the jobs."""
        wanted = list(jobs)
        if not wanted:
            return {}
        with redis_reached(), self.redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            both.hmget(self.key("held"), wanted)
            both.zmscore(self.key("leases"), wanted)
            held, ends = cast("tuple[list[bytes | None], list[float | None]]", both.execute())
        return {job: _holder(value, until) for job, value, until in zip(wanted, held, ends, strict=True)}

    def now(self) -> float:
        """Seconds of the epoch, by the clock that leases go by."""
        if given := self._clock():
            return given
        with redis_reached():
            seconds, microseconds = self.redis.time()  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs
        return seconds + microseconds / 1e6

    def keep_time(self) -> float:
        """Put leases and pauses back by as much as the clock was since the last call; how many seconds that was."""
        with redis_reached():
            keys = [self.key(name) for name in ("clock", "leases", "later")]
            return float(self._keep_time(keys=keys, args=[self._clock()]))

    def note_fault(self, node: str, pipeline: str, attempt: str, now: float) -> bool:
        """Count a fault of a node with a pipeline; True when the pair is blocked from now on."""
        key, member = self.key("faults", node), f"{pipeline} {attempt}"
        with redis_reached():
            self.redis.zadd(key, {member: now})
            self.redis.zremrangebyscore(key, "-inf", now - FAULT_SECONDS)
            self.redis.expire(key, int(FAULT_SECONDS))
            found = _scores(self.redis, key)
            mine = {one: at for one, at in found.items() if one.partition(" ")[0] == pipeline}
            if not blocks(list(mine.values()), now):
                return False
            self.redis.hset(self.key("blocked", node), pipeline, repr(now + BLOCKED_SECONDS))
            self.redis.expire(self.key("blocked", node), int(BLOCKED_SECONDS))
            self.redis.zrem(key, *mine)
        return True

    def blocked(self, node: str) -> dict[str, float]:
        """The pipelines that a node gets no jobs of, and until when (seconds of the epoch)."""
        with redis_reached():
            held = cast("dict[bytes, bytes]", self.redis.hgetall(self.key("blocked", node)))
        now = self.now() if held else 0.0
        return {name.decode(): until for name, value in held.items() if (until := float(value)) > now}

    def ask_cancel(self, job: str) -> None:
        """Ask whoever works on the job, now or later, to stop."""
        with redis_reached():
            self.redis.set(self.key("cancel", job), "1", ex=24 * 3600)

    def is_cancelled(self, job: str) -> bool:
        """Whether somebody asked for the job's end."""
        with redis_reached():
            return bool(self.redis.exists(self.key("cancel", job)))

    def is_mine(self, key: str, owner: str, seconds: float) -> bool:
        """Whether `owner` is the first to claim something for the next seconds, among all hubs."""
        with redis_reached():
            return bool(self._claim(keys=[self.key(key)], args=[owner, _milliseconds(seconds)]))


def retry_until(action: Callable[P, R], patience: Callable[[], bool], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `action` again while Redis is away and `patience` (which waits) says to go on."""
    while True:
        try:
            return action(*args, **kwargs)
        except FarmUnavailable:
            if not patience():
                raise


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _scores(redis: Redis, key: str) -> dict[str, float]:
    """A sorted set as member -> score."""
    ask = cast("Callable[..., list[tuple[bytes, float]]]", redis.zrange)  # pyright: ignore[reportUnknownMemberType] - as above
    return {member.decode(): score for member, score in ask(key, 0, -1, withscores=True)}


def _holder(value: bytes | None, until: float | None) -> Holder:
    if value is None:
        return NOBODY
    fence, _, node = value.decode().partition(" ")
    return Holder(int(fence), node, until or 0.0)
