"""The farm nodes that are heard of: what each offers and can run, and whether an admin has paused or is draining it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from render_farm.clock import iso
from render_farm.job import QUEUES, TIERS, FarmNode, NodeState, QueueName
from render_farm.ledger import Ledger, redis_reached
from render_farm.pick import TOLERANCE_GB

NODE_SECONDS = 20
"""A farm node says that it lives every few seconds."""
TIER_VRAM_GB = {"high": 24.0, "standard": 16.0, "low": 12.0}


def queues_for(vram_gb: float) -> tuple[QueueName, ...]:
    """What a node serves with that much memory on its GPU, its own tier first, work for the CPU last (I-042, I-043).

    Every GPU serves the lowest tier, however small it is: each job's own need is compared as well.
    """
    if not vram_gb:
        return ("cpu",)
    fits = [tier for tier in reversed(TIERS) if tier == "low" or vram_gb + TOLERANCE_GB >= TIER_VRAM_GB[tier]]
    return (*cast("list[QueueName]", [queue for tier in fits for queue in (tier, f"style_{tier}")]), "cpu")


class Nodes:
    """What Redis knows of the nodes; every method raises FarmUnavailable. Its keys stand in `pick.py`."""

    def __init__(self, ledger: Ledger) -> None:
        self._redis, self._key, self._now = ledger.redis, ledger.key, ledger.now
        self._told: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def announce(self, node: FarmNode) -> None:
        """Say that a farm node lives, as seen now by the clock that all nodes share: its own may be wrong."""
        node = replace(node, seen_at=iso(self._now()))
        abilities = (node.can, node.resident)
        with redis_reached(), self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            both.sadd(self._key("nodes"), node.name)
            both.set(self._key("node", node.name), json.dumps(node.as_json()), ex=NODE_SECONDS)
            both.exists(self._key("can", node.name))
            remembered = bool(both.execute()[-1]) or not node.can
        if not remembered or self._told.get(node.name) != abilities:
            self._tell(node)
            self._told[node.name] = abilities

    def _tell(self, node: FarmNode) -> None:
        with redis_reached(), self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            for kind, names in (("can", node.can), ("resident", node.resident)):
                both.delete(self._key(kind, node.name))
                if names:
                    both.sadd(self._key(kind, node.name), *names)
            # It may be idle, and what it could not run a moment ago it can run now.
            both.lpush(self._key("bell", node.name), "1")
            both.expire(self._key("bell", node.name), NODE_SECONDS)
            both.execute()

    def leave(self, name: str) -> None:
        """Say that a farm node has stopped; a drain has reached its end."""
        with redis_reached():
            drained = self._redis.hget(self._key("control"), name) == b"draining"
            with self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
                both.srem(self._key("nodes"), name)
                both.delete(*(self._key(kind, name) for kind in ("node", "can", "resident", "bell")))
                for queue in QUEUES:
                    both.zrem(self._key("idle", queue), name)
                if drained:
                    both.hdel(self._key("control"), name)
                both.execute()

    def all(self) -> list[FarmNode]:
        """The farm nodes that were heard of lately, by name."""
        with redis_reached():
            names = sorted(name.decode() for name in cast("set[bytes]", self._redis.smembers(self._key("nodes"))))
            if not names:
                return []
            records = cast("list[bytes | None]", self._redis.mget([self._key("node", name) for name in names]))
            gone = [name for name, record in zip(names, records, strict=True) if record is None]
            if gone:
                self._redis.srem(self._key("nodes"), *gone)
                self._redis.delete(*(self._key(kind, name) for name in gone for kind in ("can", "resident")))
            found = [FarmNode.from_json(json.loads(record)) for record in records if record is not None]
            with self._redis.pipeline(transaction=False) as all_of:  # pyright: ignore[reportUnknownMemberType] - shard_hint
                all_of.hgetall(self._key("control"))
                for node in found:
                    all_of.hgetall(self._key("blocked", node.name))
                for node in found:
                    all_of.pttl(self._key("node", node.name))
                answers: list[Any] = all_of.execute()
            states, blocked, left = answers[0], answers[1 : 1 + len(found)], answers[1 + len(found) :]
            for node, milliseconds in zip(found, left, strict=True):
                # Said before the clock was put back; whoever lives says it again.
                if milliseconds > NODE_SECONDS * 1000:
                    self._redis.expire(self._key("node", node.name), NODE_SECONDS)
        now = self._now() if any(blocked) else 0.0
        return [
            replace(_in_state(node, states.get(node.name.encode())), blocked=_held(pairs, now))
            for node, pairs in zip(found, blocked, strict=True)
        ]

    def command(self, wanted: str, state: NodeState) -> list[str]:
        """Pause, drain or resume a node, or every node of a host; their names, none where nobody knows it.

        It holds until somebody resumes the node, whatever restarts meanwhile.
        """
        names = [node.name for node in self.all() if wanted in (node.name, node.host)]
        with redis_reached():
            if not names and self._redis.hexists(self._key("control"), wanted):
                names = [wanted]  # it is away at the moment
            self._set(names, state)
        return names

    def forgive(self, wanted: str) -> list[str]:
        """Let a node, or every node of a host, run again what failed on it too often; their names."""
        names = [node.name for node in self.all() if wanted in (node.name, node.host)]
        with redis_reached():
            if not names and self._redis.exists(self._key("blocked", wanted)):
                names = [wanted]
            if names:
                self._redis.delete(*(self._key(kind, name) for name in names for kind in ("blocked", "faults")))
                self._set(names, None)
        return names

    def _set(self, names: Sequence[str], state: NodeState | None) -> None:
        with self._redis.pipeline() as both:  # pyright: ignore[reportUnknownMemberType] - shard_hint
            for name in names:
                if state == "ready":
                    both.hdel(self._key("control"), name)
                elif state is not None:
                    both.hset(self._key("control"), name, state)
                # It looks what it should do now.
                both.lpush(self._key("bell", name), "1")
                both.expire(self._key("bell", name), NODE_SECONDS)
            both.execute()


def _in_state(node: FarmNode, state: bytes | None) -> FarmNode:
    return replace(node, state=cast("NodeState", state.decode())) if state else node


def _held(pairs: Mapping[bytes, bytes], now: float) -> dict[str, float]:
    return {name.decode(): until for name, value in pairs.items() if (until := float(value)) > now}
