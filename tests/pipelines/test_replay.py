"""`workprint replay`: the same recipe gives the same bytes, and where it does not, the difference is told."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crdt_schema.records import Take
from pipelines import replay, run
from pipelines.spec import Result
from server.projects.provenance import sidecar
from tests.support.run_context import Attempt

Recipe = Callable[..., dict[str, Any]]
TAKE = "0190a0a0-0000-7000-8000-000000000001"


@pytest.fixture
def filed(tmp_path: Path, recipe: Recipe) -> Callable[..., Path]:
    """Make a take, and put it with its provenance into a project of a workspace, as the recorder does."""

    def file(result: Result | None = None, take_id: str = TAKE, project: str = "Film", **changes: Any) -> Path:
        made = recipe(**changes)
        result = result or run.run(made["pipeline"], "low", made, Attempt(tmp_path / "attempt" / take_id / project))
        output = result.outputs[0]
        folder = tmp_path / "Projects" / project / "03_Renders" / "Chapter_01" / "Scene_01" / "Shot_01"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "Projects" / project / "project.json").write_text("{}")
        place = folder / f"S01_S01_take01{output.path.suffix}"
        place.write_bytes(output.path.read_bytes())
        blob = hashlib.sha256(place.read_bytes()).hexdigest()
        media: Any = {"blob": blob, "media_type": output.media_type, "width": 240, "height": 136, "size_bytes": 1}
        take: Take = {
            **dict.fromkeys(("node", "job", "attempt", "created_at", "created_by", "created_by_name"), ""),
            "number": 1,
            "chapter": 1,
            "scene": 1,
            "shot": 1,
            "seconds": 1.0,
            "cost_usd": 0.0,
            "name": "S01_S01_take01",
            "media": media,
            "thumbnail": media,
            "recipe": made,
            "facts": dict(result.facts),
        }  # pyright: ignore[reportAssignmentType] - put together in groups
        place.with_suffix(".json").write_bytes(sidecar(take_id, take).encode())
        return place

    return file


def replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str], wanted: str = TAKE) -> tuple[int, str]:
    status = replay.main([wanted, "--workspace", str(tmp_path)])
    told = capsys.readouterr()
    return status, told.out + told.err


def test_a_previz_take_comes_out_the_same_byte_for_byte(filed: Any, tmp_path: Path, capsys: Any) -> None:
    filed()
    status, told = replayed(tmp_path, capsys)
    assert status == replay.EQUAL
    assert "S01_S01_take01 (previz-image, low, seed 42) is the same, byte for byte." in told


def test_a_film_comes_out_the_same_byte_for_byte(filed: Any, tmp_path: Path, capsys: Any) -> None:
    filed(pipeline="previz-video", parameters={"frames": 3})
    assert replayed(tmp_path, capsys)[0] == replay.EQUAL


@pytest.mark.parametrize("by", ["id", "name", "file"])
def test_a_take_is_named_by_id_name_or_file(filed: Any, tmp_path: Path, by: str) -> None:
    place = filed()
    wanted = {"id": TAKE, "name": "S01_S01_take01", "file": str(place)}[by]
    assert replay.find(tmp_path, wanted).file == place


def test_another_version_and_another_package_are_named(filed: Any, tmp_path: Path, capsys: Any) -> None:
    place = filed(pipeline_version="0.9.0").with_suffix(".json")
    said = json.loads(place.read_text())
    assert said["facts"]["numpy"] == np.__version__
    said["facts"]["numpy"] = "1.26.0"
    said["media"]["sha256"] = "0" * 64
    place.write_text(json.dumps(said))
    status, told = replayed(tmp_path, capsys)
    assert status == replay.DIFFERS
    assert "pipeline version: 0.9.0 then, 1.0.0 now" in told
    assert f"numpy: 1.26.0 then, {np.__version__} now" in told
    assert "every pixel is equal" in told


def test_a_picture_that_differs_says_how_much(filed: Any, tmp_path: Path, capsys: Any) -> None:
    place = filed()
    pixels = np.asarray(Image.open(place).convert("RGB")).copy()
    pixels[:10, :10] ^= 0x40
    Image.fromarray(pixels).save(place)
    said = json.loads(place.with_suffix(".json").read_text())
    said["media"]["sha256"] = hashlib.sha256(place.read_bytes()).hexdigest()
    place.with_suffix(".json").write_text(json.dumps(said))
    status, told = replayed(tmp_path, capsys)
    assert status == replay.DIFFERS
    assert "largest difference 64 of 255" in told
    assert "PSNR" in told


def test_inputs_come_from_the_project_by_their_hash(filed: Any, tmp_path: Path, capsys: Any) -> None:
    face = Path(__file__).parent / "pictures" / "eileen_collins.jpg"
    data = face.read_bytes()
    blob = hashlib.sha256(data).hexdigest()
    result = run.run("faces", "low", {}, Attempt(tmp_path / "a", {"image": (face,)}))
    inputs = {"image": [{"blob": blob, "media_type": "image/jpeg", "name": "face.jpg"}]}
    asked = {"pipeline": "faces", "inputs": inputs}
    place = filed(result, **asked)
    said = json.loads(place.with_suffix(".json").read_text())
    said["recipe"]["parameters"] = {}
    place.with_suffix(".json").write_text(json.dumps(said))
    assert blob in said["inputs"]
    status, told = replayed(tmp_path, capsys)
    assert status == replay.IMPOSSIBLE
    assert "face.jpg of this take is not in the project any more" in told
    stored = tmp_path / "Projects" / "Film" / ".git" / "lfs" / "objects" / blob[:2] / blob[2:4] / blob
    stored.parent.mkdir(parents=True)
    stored.write_bytes(data)
    assert replayed(tmp_path, capsys)[0] == replay.EQUAL


def test_a_name_that_two_projects_have_is_asked_for_by_id(filed: Any, tmp_path: Path, capsys: Any) -> None:
    filed()
    filed(take_id=TAKE[:-1] + "2", project="Other")
    status, told = replayed(tmp_path, capsys, "S01_S01_take01")
    assert status == replay.IMPOSSIBLE
    assert TAKE in told
    assert "Other" in told


def test_an_unknown_take_and_an_unknown_pipeline_are_told(filed: Any, tmp_path: Path, capsys: Any) -> None:
    place = filed().with_suffix(".json")
    assert "No take on disk" in replayed(tmp_path, capsys, "S09_S09_take09")[1]
    said = json.loads(place.read_text())
    said["recipe"]["pipeline"] = "gone"
    place.write_text(json.dumps(said))
    status, told = replayed(tmp_path, capsys)
    assert (status, "no pipeline called gone" in told) == (replay.IMPOSSIBLE, True)


def test_the_command_of_the_studio_hands_over_to_it(filed: Any, tmp_path: Path) -> None:
    filed()
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "replay", TAKE],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "WORKSPACE_ROOT": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert "byte for byte" in done.stdout
