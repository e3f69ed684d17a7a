"""Jobs on real workers: what is told, what is uploaded, and that nothing is left running."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from render_farm.clock import utc_now
from render_farm.job import Failed, FarmNode, Finished, Lost, Progressed
from render_farm.pick import Station
from render_farm.queues import Farm
from tests.support.farm import BlobHub, Valkey, Worker, eventually, order, told, types_told

StartWorker = Callable[..., Worker]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_job_runs_once_and_its_picture_reaches_the_hub(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    worker = start_worker()
    asked = order(hub_url=hub.url, steps=40)
    farm.submit(asked)
    await eventually(lambda: "finished" in types_told(valkey.url, asked.job))
    assert types_told(valkey.url, asked.job) == ["started", "finished"]
    finished = next(event for event in told(valkey.url) if isinstance(event, Finished))
    (still,) = finished.outputs
    assert hub.blobs[still["blob"]].startswith(b"\x89PNG")
    assert (still["width"], still["height"], still["media_type"]) == (64, 36, "image/png")
    assert still["size_bytes"] == len(hub.blobs[still["blob"]])
    assert hub.blobs[finished.thumbnail["blob"]][8:12] == b"WEBP"
    assert hub.tokens == {"Bearer token-of-the-order"}
    steps = [event for event in told(valkey.url) if isinstance(event, Progressed)]
    assert 1 < len(steps) < 40
    assert not list(worker.scratch.iterdir())
    assert not any("token-of-the-order" in str(line) for line in worker.log())


async def test_an_ended_job_cannot_be_ordered_again(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    asked = order(hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: "finished" in types_told(valkey.url, asked.job))
    assert farm.submit(asked) is False
    assert farm.position(asked.job) is None
    assert not farm.ledger.live()


async def test_a_running_job_stops_at_its_next_step_when_cancelled(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    marker = tmp_path / "begun"
    asked = order(steps=5000, marker=str(marker), hub_url=hub.url)
    farm.submit(asked)
    await eventually(marker.exists)
    farm.cancel(asked.job)
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "cancelled"])
    await eventually(lambda: not is_alive(int(marker.read_text())))
    assert not list(worker.scratch.iterdir())
    assert not hub.blobs


async def test_a_pipeline_that_does_not_listen_is_ended_by_force(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    marker = tmp_path / "begun"
    asked = order(steps=1, behaviour="deaf", marker=str(marker), hub_url=hub.url)
    farm.submit(asked)
    await eventually(marker.exists)
    farm.cancel(asked.job)
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "cancelled"])
    await eventually(lambda: not is_alive(int(marker.read_text())))
    assert not list(worker.scratch.iterdir())
    farm.submit(following := order(hub_url=hub.url))
    await eventually(lambda: "finished" in types_told(valkey.url, following.job))


async def test_an_attempt_that_takes_too_long_says_so(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker(WORKPRINT_JOB_SECONDS="0.5")
    asked = order(steps=5000, hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "failed"])
    (failed,) = [event for event in told(valkey.url) if isinstance(event, Failed)]
    assert failed.reason == "The job took longer than 0.5 seconds"


async def test_a_hub_that_is_away_gets_its_result_when_it_returns(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    worker = start_worker()
    await hub.stop()
    asked = order(hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: any("hub is away" in str(line.get("event")) for line in worker.log()))
    await hub.start()
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "finished"])


async def test_a_hub_that_stays_away_is_named_in_the_failure(
    valkey: Valkey, farm: Farm, start_worker: StartWorker
) -> None:
    start_worker(WORKPRINT_UPLOAD_SECONDS="0.5")
    asked = order()
    farm.submit(asked)
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "failed"])
    (failed,) = [event for event in told(valkey.url) if isinstance(event, Failed)]
    assert failed.reason == "The hub could not be reached to deliver the result"


async def test_a_worker_told_to_stop_hands_its_job_back_and_leaves_nothing_running(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    marker = tmp_path / "begun"
    asked = order(behaviour="endless-once", marker=str(marker), hub_url=hub.url)
    farm.submit(asked)
    await eventually(marker.exists)
    assert worker.stop() == 0
    assert not is_alive(int(marker.read_text()))
    assert types_told(valkey.url, asked.job) == ["started", "requeued"]
    assert farm.nodes() == []
    start_worker()
    await eventually(lambda: types_told(valkey.url, asked.job)[2:] == ["started", "finished"])


async def test_an_idle_worker_stops_at_once(farm: Farm, start_worker: StartWorker) -> None:
    worker = start_worker("--queues", "low")
    await eventually(lambda: [node.queues for node in farm.nodes()] == [("low",)])
    assert worker.stop() == 0
    assert farm.nodes() == []


@pytest.mark.parametrize("line", ["farm worker started", None])
async def test_a_worker_can_be_stopped_at_any_moment_of_its_start(
    farm: Farm, start_worker: StartWorker, line: str | None
) -> None:
    for _ in range(3):
        worker = start_worker()
        if line is None:
            await eventually(farm.nodes)
        else:
            await eventually(lambda worker=worker: any(entry.get("event") == line for entry in worker.log()))
        assert worker.stop() == 0


async def test_the_job_of_a_killed_worker_runs_on_another(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker(WORKPRINT_LEASE_SECONDS="1")
    marker = tmp_path / "begun"
    asked = order(behaviour="endless-once", marker=str(marker), hub_url=hub.url)
    farm.submit(asked)
    await eventually(marker.exists)
    worker.kill()
    await eventually(lambda: not is_alive(int(marker.read_text())))
    start_worker()
    await eventually(
        lambda: (farm.reap(), types_told(valkey.url, asked.job))[1] == ["started", "requeued", "started", "finished"]
    )
    attempts = {event.attempt for event in told(valkey.url) if event.type == "started"}
    assert len(attempts) == 2


async def test_an_attempt_killed_by_the_machine_is_made_once_more(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker()
    asked = order(behaviour="die-once", marker=str(tmp_path / "begun"), hub_url=hub.url)
    farm.submit(asked)
    await eventually(
        lambda: (farm.reap(), types_told(valkey.url, asked.job))[1] == ["started", "requeued", "started", "finished"]
    )


async def test_a_job_that_kills_every_attempt_is_lost_with_an_explanation(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    asked = order(behaviour="die", hub_url=hub.url)
    farm.submit(asked)
    await eventually(lambda: (farm.reap(), "lost" in types_told(valkey.url, asked.job))[1])
    assert types_told(valkey.url, asked.job) == ["started", "requeued", "started", "requeued", "started", "lost"]
    (lost,) = [event for event in told(valkey.url) if isinstance(event, Lost)]
    assert "vanished" in lost.reason
    assert lost.trace_id.startswith("trace-")


async def test_a_worker_waits_for_redis_and_then_works(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    valkey.stop()
    worker = start_worker()
    await eventually(lambda: any("Redis is away" in str(line.get("event")) for line in worker.log()))
    valkey.start()
    farm.submit(asked := order(hub_url=hub.url))
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "finished"])
    valkey.stop()
    await eventually(lambda: [line for line in worker.log() if "retrying" in str(line) or "waits" in str(line)][1:])
    valkey.start()
    farm.submit(asked := order(hub_url=hub.url))
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "finished"])


async def test_redis_going_away_during_a_job_costs_nothing(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    marker = tmp_path / "begun"
    farm.submit(asked := order(steps=200, marker=str(marker), hub_url=hub.url))
    await eventually(marker.exists)
    valkey.stop()
    await eventually(lambda: any("Redis is away" in str(line.get("event")) for line in worker.log()))
    valkey.start()
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "finished"])


async def test_a_burst_worker_ends_when_the_queues_are_empty(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    orders = [order(hub_url=hub.url, tier=tier) for tier in ("low", "standard", "high")]
    for asked in orders:
        farm.submit(asked)
    worker = start_worker("--burst")
    await eventually(lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 0
    assert all(types_told(valkey.url, asked.job) == ["started", "finished"] for asked in orders)


async def test_a_worker_serves_only_its_tiers(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    farm.submit(high := order(hub_url=hub.url, tier="high"))
    farm.submit(low := order(hub_url=hub.url))
    worker = start_worker("--burst", "--queues", "low")
    await eventually(lambda: worker.process.poll() is not None)
    assert types_told(valkey.url, low.job) == ["started", "finished"]
    assert farm.position(high.job) == 0


async def test_a_bad_tier_is_refused_at_the_command_line(start_worker: StartWorker) -> None:
    worker = start_worker("--queues", "colossal")
    assert worker.process.wait(60) == 2
    assert "queues are high, style_high" in worker.log_path.read_text()


async def test_what_a_killed_attempt_left_on_disk_is_swept(
    farm: Farm, start_worker: StartWorker, tmp_path: Path
) -> None:
    left = tmp_path / "scratch" / "999999999-attempt-x"
    left.mkdir(parents=True)
    mine = tmp_path / "scratch" / f"{os.getpid()}-attempt-y"
    mine.mkdir()
    start_worker()
    await eventually(farm.nodes)
    assert not left.exists()
    assert mine.exists()


async def test_a_second_signal_does_not_break_a_stop(
    farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    marker = tmp_path / "begun"
    farm.submit(order(steps=5000, marker=str(marker), hub_url=hub.url))
    await eventually(marker.exists)
    worker.process.send_signal(signal.SIGINT)
    worker.process.send_signal(signal.SIGINT)
    assert worker.process.wait(60) == 0
    assert not is_alive(int(marker.read_text()))


async def test_a_job_for_an_idle_worker_starts_at_once_and_idling_costs_next_to_nothing(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    await eventually(lambda: farm._redis.zcard(farm.ledger.key("idle", "low")))
    before, since = commands_processed(farm), time.monotonic()
    await asyncio.sleep(6)  # what is measured is the rest itself
    assert (commands_processed(farm) - before) / (time.monotonic() - since) < 10
    waited: list[float] = []
    for _ in range(3):
        await eventually(lambda: farm._redis.zcard(farm.ledger.key("idle", "low")))
        asked = order(hub_url=hub.url, steps=1)
        begun = time.monotonic()
        farm.submit(asked)
        await eventually(lambda asked=asked: "started" in types_told(valkey.url, asked.job))
        waited.append(time.monotonic() - begun)
        await eventually(lambda asked=asked: "finished" in types_told(valkey.url, asked.job))
    assert min(waited) < 7, "fifteen, if nobody rang"


async def test_a_node_says_what_it_can_run_and_what_it_lacks(farm: Farm, start_worker: StartWorker) -> None:
    start_worker("--vram", "0", "--name", "little one")
    await eventually(farm.nodes)
    (node,) = farm.nodes()
    assert (node.name, node.queues, node.vram_gb, node.gpu) == ("little-one", ("cpu",), 0, "")
    assert "test-still@low" in node.can
    assert any("needs a GPU with" in reason for reason in node.lacks.values())
    assert not set(node.can) & set(node.lacks)
    assert node.version


async def test_a_node_whose_card_another_program_fills_takes_nothing_that_would_not_fit_until_it_is_free(
    farm: Farm, start_worker: StartWorker, hub: BlobHub, tmp_path: Path
) -> None:
    free = tmp_path / "free"
    free.write_text("14")
    start_worker("--vram", "24", WORKPRINT_TEST_FREE_GB=str(free))
    await eventually(farm.nodes)
    (node,) = farm.nodes()
    assert (node.vram_gb, node.vram_free_gb) == (24, 14)
    assert "test-gpu@standard" in node.can
    assert "test-gpu@high" not in node.can
    assert "other programs hold 10.0 of the 24 GB here" in node.lacks["test-gpu@high"]
    fits = order(hub_url=hub.url, tier="high")
    recipe = {**fits.recipe, "pipeline": "test-gpu"}
    asked = replace(order(hub_url=hub.url, tier="high"), pipeline="test-gpu", vram_gb=24, recipe=recipe)
    farm.submit(asked)
    farm.submit(fits)
    await eventually(lambda: farm.ledger.is_done(fits.job))
    assert farm.position(asked.job) == 0
    more = tmp_path / "more"
    more.write_text("24")
    more.replace(free)  # at once: the node reads it at any moment
    await eventually(lambda: farm.ledger.is_done(asked.job))


async def test_nodes_of_a_host_have_numbers_and_keep_them(
    farm: Farm, start_worker: StartWorker, tmp_path: Path
) -> None:
    # Names are taken in the temporary folder; other workers of this machine shall not take ours meanwhile.
    first, second = start_worker(TMPDIR=str(tmp_path)), start_worker(TMPDIR=str(tmp_path))
    await eventually(lambda: len(farm.nodes()) == 2)
    names = {node.name for node in farm.nodes()}
    assert all(name.rpartition("-")[2].isdigit() for name in names)
    for worker in (first, second):
        assert worker.stop() == 0
    start_worker(TMPDIR=str(tmp_path))
    await eventually(farm.nodes)
    assert farm.nodes()[0].name in names


async def test_a_second_worker_of_a_name_that_is_at_work_does_not_start(farm: Farm, start_worker: StartWorker) -> None:
    start_worker("--name", "render-1")
    await eventually(farm.nodes)
    (first,) = farm.nodes()
    # It listens for one and a half heartbeats of its own; the first may be held up for some of its own.
    second = start_worker("--name", "render-1", WORKPRINT_TEST_HEARTBEAT_SECONDS="20")
    await eventually(lambda: second.process.poll() is not None)
    assert second.process.returncode == 2
    assert "give this one another --name" in second.log_path.read_text()
    (still,) = farm.nodes()
    assert still.started_at == first.started_at


async def test_a_worker_starts_again_under_the_name_of_a_killed_one(farm: Farm, start_worker: StartWorker) -> None:
    farm.roster.announce(FarmNode("render-1", "host", ("low",), utc_now(), utc_now()))
    start_worker("--name", "render-1")
    await eventually(lambda: [node.host for node in farm.nodes()] not in ([], ["host"]))


async def test_a_paused_worker_takes_nothing_until_it_is_resumed(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker("--name", "n")
    await eventually(farm.nodes)
    farm.roster.command("n", "paused")
    farm.submit(asked := order(hub_url=hub.url))
    await eventually(lambda: farm.pick(Station("n", ("low",), 24, 60)) == "paused")
    assert farm.position(asked.job) == 0
    assert types_told(valkey.url, asked.job) == []
    farm.roster.command("n", "ready")
    await eventually(lambda: types_told(valkey.url, asked.job) == ["started", "finished"])


async def test_a_draining_worker_ends_what_it_has_and_then_itself(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker("--name", "n")
    marker = tmp_path / "begun"
    farm.submit(asked := order(steps=30, marker=str(marker), hub_url=hub.url))
    await eventually(marker.exists)
    farm.roster.command("n", "draining")
    farm.submit(following := order(hub_url=hub.url))
    await eventually(lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 0
    assert types_told(valkey.url, asked.job) == ["started", "finished"]
    assert farm.position(following.job) == 0
    assert farm.nodes() == []


async def test_a_node_remembers_which_models_it_has_loaded(
    valkey: Valkey, farm: Farm, hub: BlobHub, start_worker: StartWorker
) -> None:
    start_worker()
    farm.submit(asked := order(hub_url=hub.url))
    await eventually(lambda: "finished" in types_told(valkey.url, asked.job))
    await eventually(lambda: [node.resident for node in farm.nodes()] == [("test-still",)])


async def test_a_node_says_at_once_what_it_works_on(
    farm: Farm, hub: BlobHub, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker(WORKPRINT_TEST_HEARTBEAT_SECONDS="3600")  # no heartbeat says it
    marker = tmp_path / "begun"
    farm.submit(asked := order(steps=5000, marker=str(marker), hub_url=hub.url))
    await eventually(marker.exists)
    await eventually(lambda: [node.job for node in farm.nodes()] == [asked.job], seconds=30)
    farm.cancel(asked.job)
    await eventually(lambda: [node.job for node in farm.nodes()] == [""], seconds=30)


def commands_processed(farm: Farm) -> int:
    redis: Any = farm._redis
    stats = redis.info("stats")
    return int(stats["total_commands_processed"])
