"""What Redis knows of every job besides its place in a queue: the live order, the lease, the cancel flag, the end.

RQ forgets a job some minutes after it ended and can lose one whose worker was killed, so "once" is decided here:

    {ns}:live       hash  job -> {order, faults}      from submit until the end
    {ns}:lease:JOB  "{fence}:{node, then attempt}"    who works on it; expires when nobody renews it
    {ns}:fence:JOB  fence of its newest attempt       who has a lower one has lost the job; see `pick.py`
    {ns}:cancel:JOB somebody asked for its end
    {ns}:done:JOB   attempt that ended it             for DONE_SECONDS; the first end is the only one
    {ns}:events     stream of events to the recorder
"""

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, cast

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.client import Pipeline
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from render_farm.job import AnyEvent, FarmUnavailable, JobOrder

REDIS_AWAY = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError)
DONE_SECONDS = 30 * 24 * 3600
"""Longer than anything that could still ask for the job again without reading the takes document first."""

_END = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[3], KEYS[4])
redis.call('XADD', KEYS[5], '*', 'event', ARGV[3])
return 1
"""
"""KEYS: done, live, lease, cancel, events. ARGV: attempt, seconds, event, job. One final event per job."""

_RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
"""KEYS: lease. ARGV: attempt, milliseconds. A lease that Redis forgot is taken again; one that another took is not."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class LiveJob:
    """A job between its order and its end; `faults` counts the nodes that vanished under it."""

    order: JobOrder
    faults: int = 0


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

    def __init__(self, redis: Redis, namespace: str) -> None:
        self.redis = redis
        self.namespace = namespace
        # redis-py types its replies as "sync or async"; the casts below say which.
        self._end = cast("Callable[..., int]", redis.register_script(_END))
        self._renew = cast("Callable[..., int]", redis.register_script(_RENEW))

    def key(self, *parts: str) -> str:
        """A key of this installation."""
        return ":".join((self.namespace, *parts))

    @contextmanager
    def _both(self) -> Generator[Pipeline]:
        """All commands given inside happen, or none."""
        # redis-py leaves shard_hint untyped
        with redis_reached(), self.redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType]
            yield both
            both.execute()

    def enter(self, order: JobOrder) -> bool:
        """Note an order as live; False when the job has already come to its end."""
        with redis_reached():
            if self.redis.exists(self.key("done", order.job)):
                return False
            record = _encode(LiveJob(order))
            self.redis.hsetnx(self.key("live"), order.job, record)
            return True

    def live(self) -> dict[str, LiveJob]:
        """Every job that was ordered and has not ended."""
        with redis_reached():
            records = cast("dict[bytes, bytes]", self.redis.hgetall(self.key("live")))
        return {job.decode(): _decode(record) for job, record in records.items()}

    def live_job(self, job: str) -> LiveJob | None:
        """The live job of that id."""
        with redis_reached():
            record = cast("bytes | None", self.redis.hget(self.key("live"), job))
        return _decode(record) if record else None

    def blame(self, job: LiveJob, event: AnyEvent) -> None:
        """Count one more fault of a live job and tell the recorder, both or neither."""
        record = _encode(replace(job, faults=job.faults + 1))
        with self._both() as both:
            both.hset(self.key("live"), job.order.job, record)
            both.xadd(self.key("events"), {"event": json.dumps(event.as_json())})

    def give_up(self, event: AnyEvent) -> None:
        """Forget a live job without marking its end, so that a late result still counts."""
        with self._both() as both:
            both.hdel(self.key("live"), event.job)
            both.xadd(self.key("events"), {"event": json.dumps(event.as_json())})

    def publish(self, event: AnyEvent) -> None:
        """Put an event on the stream that does not end the job."""
        with redis_reached():
            self.redis.xadd(self.key("events"), {"event": json.dumps(event.as_json())})

    def end(self, event: AnyEvent) -> bool:
        """End a job and tell the recorder, at once; False when it had ended before, and then nothing is told."""
        keys = [self.key("done", event.job), self.key("live"), self.key("lease", event.job)]
        keys += [self.key("cancel", event.job), self.key("events")]
        with redis_reached():
            arguments = [event.attempt, DONE_SECONDS, json.dumps(event.as_json()), event.job]
            return bool(self._end(keys=keys, args=arguments))

    def is_done(self, job: str) -> bool:
        """Whether a job has come to its end."""
        with redis_reached():
            return bool(self.redis.exists(self.key("done", job)))

    def take_lease(self, job: str, attempt: str, seconds: float) -> None:
        """The newest attempt holds the job, whoever held it before."""
        with redis_reached():
            self.redis.set(self.key("lease", job), attempt, px=_milliseconds(seconds))

    def renew_lease(self, job: str, attempt: str, seconds: float) -> bool:
        """Hold the job for `seconds` more; False when another attempt has taken it over."""
        with redis_reached():
            return bool(self._renew(keys=[self.key("lease", job)], args=[attempt, _milliseconds(seconds)]))

    def is_leased(self, job: str) -> bool:
        """Whether an attempt works on the job."""
        with redis_reached():
            return bool(self.redis.exists(self.key("lease", job)))

    def leased(self, jobs: Iterable[str]) -> set[str]:
        """Those of the jobs that an attempt works on."""
        wanted = list(jobs)
        if not wanted:
            return set()
        with redis_reached():
            holders = cast("list[bytes | None]", self.redis.mget([self.key("lease", job) for job in wanted]))
        return {job for job, holder in zip(wanted, holders, strict=True) if holder is not None}

    def release(self, job: str) -> None:
        """Say that the attempt that held the job is gone, without waiting for the lease to run out."""
        with redis_reached():
            self.redis.delete(self.key("lease", job))

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
            return bool(self.redis.set(self.key(key), owner, nx=True, px=_milliseconds(seconds)))


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


def _encode(job: LiveJob) -> str:
    return json.dumps({"order": job.order.as_json(), "faults": job.faults})


def _decode(record: bytes) -> LiveJob:
    value = cast("dict[str, Any]", json.loads(record))
    return LiveJob(JobOrder.from_json(value["order"]), int(value["faults"]))
