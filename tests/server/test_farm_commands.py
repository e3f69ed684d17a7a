"""`workprint farm`: a table for people, JSON for programs, and words about what was done."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from render_farm.clock import utc_now
from render_farm.job import FarmNode
from render_farm.pick import Station
from render_farm.queues import Farm
from server import cli
from tests.support.farm import Valkey, order


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    valkey = Valkey()
    valkey.start()
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("WORKSPACE_ROOT", str(tmp_path_factory.mktemp("workspace")))
    farm = Farm(valkey.url)
    yield farm
    farm.close()
    valkey.remove()


def test_the_status_says_what_nodes_do_and_what_waits(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "status") == "No farm node is connected. `workprint worker` starts one.\n\nNothing waits.\n"
    running, waiting = order(), replace(order(), expected_seconds=30.0)
    farm.submit(running)
    node = FarmNode("big-1", "big", ("low", "style_low"), utc_now(), utc_now(), can=("test-still@low",))
    card = replace(node, gpu="NVIDIA Test", vram_gb=24.0, vram_free_gb=20.5, job=running.job)
    farm.roster.announce(card)
    farm.pick(Station("big-1", ("low",), 24.0, 60.0))
    farm.submit(waiting)
    lines = said(capsys, "status").splitlines()
    assert lines[1].split() == ["big-1", "ready", "NVIDIA", "Test", "20.5/24.0", "low", "test-still", running.job]
    assert lines[-1].split() == ["low", "1", "1", "30", "s", waiting.job]
    known = json.loads(said(capsys, "status", "--json"))
    assert [one["name"] for one in known["nodes"]] == ["big-1"]
    assert [one["job"] for one in known["queues"]["low"]] == [waiting.job]
    assert [one["job"] for one in known["running"]] == [running.job]
    assert "token" not in str(known)


def test_nodes_are_paused_drained_resumed_and_forgiven(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("big-1", "big-2"):
        farm.roster.announce(FarmNode(name, "big", ("low",), utc_now(), utc_now()))
    assert said(capsys, "pause", "big") == "big-1, big-2: paused\n"
    assert said(capsys, "drain", "big-2") == "big-2: draining\n"
    assert [node.state for node in farm.nodes()] == ["paused", "draining"]
    assert said(capsys, "resume", "big") == "big-1, big-2: ready\n"
    farm._redis.hset(farm.ledger.key("blocked", "big-1"), "test-still", "9999999999")
    assert said(capsys, "forgive", "big-1") == "big-1: forgiven\n"
    assert not farm._redis.exists(farm.ledger.key("blocked", "big-1"))


def test_what_cannot_be_done_is_explained(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["farm", "pause", "nobody"]) == 2
    assert "No farm node or host called nobody is connected" in capsys.readouterr().err
    assert cli.main(["farm", "requeue", "gone"]) == 2
    assert "has ended" in capsys.readouterr().err
    asked = order()
    farm.submit(asked)
    assert said(capsys, "requeue", asked.job) == f"{asked.job} is back in line.\n"


def test_a_farm_that_is_away_is_said_clearly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere.sock")
    assert cli.main(["farm", "status"]) == 2
    assert "no Redis answers" in capsys.readouterr().err


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command prints."""
    assert cli.main(["farm", *words]) == 0
    return capsys.readouterr().out
