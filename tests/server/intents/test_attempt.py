"""An attempt with a real hub: its inputs come by hash and stay as they are, its previews are seen while it works."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId
from crdt_schema.records import Take
from tests.support.farm import eventually
from tests.support.film import SHOT, Film, joins


async def take_of(film: Film, task: str) -> Take:
    job = await film.until(task, "completed")
    return (await film.takes())[job["take"]]


async def test_an_attempt_gets_its_inputs_by_hash_and_shows_its_work(
    film: Film, start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    start_worker()
    await film.add_shot()
    first = await take_of(film, await film.ask())
    go_on = tmp_path / "go-on"
    await film.add_shot("copy", pipeline="test-copy", shot=2, parameters={"go_on": str(go_on)})
    await film.edit(lambda doc: Canvas(doc).add_edge(EdgeId("e"), joins(SHOT, "output", "copy", "source")))
    async with film.canvas() as room:
        await eventually(lambda: (Canvas(room.doc).node(SHOT) or {}).get("active_take"))
    task = await film.ask("copy")
    previews = film.intents.previews
    await eventually(lambda: previews.get(film.project_id, task))
    preview, shown = previews.get(film.project_id, task), film.intents.progress.of(film.project_id, task)
    assert preview is not None
    with Image.open(io.BytesIO(preview.data)) as small:
        assert (preview.media_type, small.size) == ("image/webp", (64, 36))
    assert shown is not None
    assert shown.get("preview") == f"/api/projects/{film.project_id}/jobs/{task}/preview?v=1"
    go_on.touch()
    copied = await take_of(film, task)
    blob = first["media"]["blob"]
    assert copied["media"]["blob"] == blob, "the bytes that came are those that were made"
    assert copied["recipe"]["inputs"]["source"][0]["blob"] == blob
    facts = copied.get("facts", {})
    assert (facts["input"], facts["mode"]) == (f"{blob}.png", "0o444")
    await eventually(lambda: previews.get(film.project_id, task) is None)


async def test_an_input_that_the_hub_does_not_have_is_a_readable_failure(
    film: Film, start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    start_worker()
    await film.add_shot()
    first = await take_of(film, await film.ask())
    await film.add_shot("copy", pipeline="test-copy", shot=2, parameters={"go_on": str(tmp_path)})
    await film.edit(lambda doc: Canvas(doc).add_edge(EdgeId("e"), joins(SHOT, "output", "copy", "source")))
    async with film.canvas() as room:
        await eventually(lambda: (Canvas(room.doc).node(SHOT) or {}).get("active_take"))
    film.project.blobs.path(first["media"]["blob"]).unlink()
    job = await film.until(await film.ask("copy"), "failed")
    assert "would not give an input" in job["reason"]
