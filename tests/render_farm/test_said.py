"""What an attempt says: failures that people can read, and nothing of the node that it ran on."""

import re
from collections.abc import Callable
from typing import Any

from render_farm.job import Failed, Requeued
from render_farm.queues import Farm
from tests.support.farm import BlobHub, Valkey, Worker, eventually, order, told, types_told

StartWorker = Callable[..., Worker]


async def why_failed(behaviour: str, valkey: Valkey, farm: Farm, hub: BlobHub) -> str:
    """The reason that is told of a job that behaves so."""
    asked = order(behaviour=behaviour, hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: "failed" in types_told(valkey.url, asked.job))
    (failed,) = [event for event in told(valkey.url) if isinstance(event, Failed)]
    return failed.reason


async def test_a_failure_is_readable_and_its_traceback_stays_on_the_node(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    worker = start_worker()
    clear, obscure = order(behaviour="fail", hub_url=hub.url), order(behaviour="crash", hub_url=hub.url)
    farm.submit(clear)
    farm.submit(obscure)
    await eventually(lambda: len([e for e in told(valkey.url) if isinstance(e, Failed)]) == 2)
    failures = {event.job: event for event in told(valkey.url) if isinstance(event, Failed)}
    assert failures[clear.job].reason == "The lens cap was on"
    assert "secret" not in str(failures[obscure.job])
    logged = [line for line in worker.log() if line.get("traceId") == failures[obscure.job].trace_id]
    assert "/secret/path/of/this/machine" in logged[0]["exception"]
    assert {"traceId", "timestamp", "service", "error", "retryCount"} <= set(logged[0])


async def test_whatever_a_pipeline_logs_its_attempt_goes_on_and_nothing_of_the_node_is_read(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    asked = order(behaviour="gibberish", hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: "finished" in types_told(valkey.url, asked.job))
    (attempt,) = {event.attempt for event in told(valkey.url)}
    lines: Any = farm.ledger.redis.xrange(f"workprint:log:{attempt}")
    texts = [fields[b"line"].decode() for _, fields in lines]
    assert any(re.fullmatch(rf"\? \[hidden\]/\d+-{attempt} with \[hidden\]", text) for text in texts)


async def test_why_a_job_failed_names_no_place_on_the_node(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    worker = start_worker()
    reason = await why_failed("tell-path", valkey, farm, hub)
    assert reason.startswith("The film [hidden]/")
    assert str(worker.scratch) not in reason


async def test_a_full_disk_is_named_and_another_try_is_made(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    worker = start_worker()
    asked = order(behaviour="disk-full", hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: "requeued" in types_told(valkey.url, asked.job))
    (again,) = [event for event in told(valkey.url) if isinstance(event, Requeued)]
    assert again.exit == "transient"
    assert again.reason == "The disk of the farm node is full. Whoever looks after the farm can make room there."
    farm.ledger.redis.zadd("workprint:later", {asked.job: 0})
    farm.reap()
    await eventually(lambda: types_told(valkey.url, asked.job).count("requeued") == 2)
    tries = [line["retryCount"] for line in worker.log() if line.get("event") == "attempt failed"]
    assert tries == [0, 1], "the log says which attempt it was (I-053)"


async def test_an_output_that_is_no_picture_is_a_readable_failure(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    reason = await why_failed("not-a-picture", valkey, farm, hub)
    assert reason == "The pipeline's output is not a picture that can be read"
