"""A copy that the Python client kept through a new beginning of its document: nothing is merged unasked."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc

from client.document import LocalDocument
from client.errors import ClientError, NotSaved, OtherEpoch
from client.merging import merge_canvas
from client.offline import OfflineLog
from crdt_schema.canvas import Canvas
from crdt_schema.documents import initialise
from crdt_schema.ids import EdgeId, NodeId
from tests.client.test_studio import add_note, new_project, opened, until_it_has
from tests.support.service import Service, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service]:
    async with running_service(tmp_path / "workspace") as running:
        yield running


def kept_copy(keep: Path, project: str, *notes: str) -> None:
    """What an earlier run of the program left: edits of another life of the canvas, never sent."""
    old = LocalDocument("canvas", OfflineLog(keep / project / "canvas.sqlite"))
    initialise(old.doc, "canvas")
    for note in notes:
        add_note(old, note)
    old.close()


async def notes_on_the_server(service: Service, project: str) -> dict[str, str]:
    async with opened(service, project) as studio:
        canvas = studio.open("canvas")
        await canvas.wait_synced()
        return {node_id: str(node.get("text")) for node_id, node in Canvas(canvas.doc).nodes().items()}


async def test_nothing_is_merged_or_sent_until_somebody_decides(service: Service, tmp_path: Path) -> None:
    project = await new_project(service)
    kept_copy(tmp_path, project, "old")
    for _ in range(2):  # the copy survives the program
        async with opened(service, project, keep=tmp_path) as studio, opened(service, project) as other:
            canvas, theirs = studio.open("canvas"), other.open("canvas")
            with pytest.raises(OtherEpoch, match=r"discard\(\).*merge\(\)"):
                await canvas.wait_saved()
            await theirs.wait_synced()
            add_note(theirs, "today")
            await theirs.wait_saved()
            add_note(canvas, "after")
            with pytest.raises(OtherEpoch):
                await canvas.wait_synced()
            assert set(Canvas(canvas.doc).nodes()) == {"old", "after"}
            assert set(Canvas(theirs.doc).nodes()) == {"today"}
    assert set(await notes_on_the_server(service, project)) == {"today"}


async def test_an_edit_made_before_the_servers_epoch_is_known_is_not_sent(service: Service, tmp_path: Path) -> None:
    project = await new_project(service)
    kept_copy(tmp_path, project, "old")
    async with opened(service, project, keep=tmp_path) as studio:
        canvas = studio.open("canvas")
        add_note(canvas, "at-once")
        with pytest.raises(OtherEpoch):
            await canvas.wait_saved()
    assert await notes_on_the_server(service, project) == {}


async def test_a_copy_that_is_discarded_is_gone_and_work_goes_on(service: Service, tmp_path: Path) -> None:
    project = await new_project(service)
    kept_copy(tmp_path, project, "old")
    async with opened(service, project, keep=tmp_path) as studio:
        canvas = studio.open("canvas")
        with pytest.raises(OtherEpoch):
            await canvas.wait_synced()
        await canvas.discard()
        assert Canvas(canvas.doc).nodes() == {}
        add_note(canvas, "new")
        await canvas.wait_saved()
    async with opened(service, project, keep=tmp_path) as studio:
        canvas = studio.open("canvas")
        assert set(Canvas(canvas.doc).nodes()) == {"new"}
        await canvas.wait_saved()


@pytest.mark.parametrize(("mine", "text"), [(False, "the server's"), (True, "both")])
async def test_a_copy_is_merged_as_new_edits(service: Service, tmp_path: Path, mine: bool, text: str) -> None:
    project = await new_project(service)
    kept_copy(tmp_path, project, "both", "mine")
    async with opened(service, project) as other:
        theirs = other.open("canvas")
        await theirs.wait_synced()
        add_note(theirs, "both")
        words = Canvas(theirs.doc).text("both", "text")
        words.clear()
        words += "the server's"
        await theirs.wait_saved()
        async with opened(service, project, keep=tmp_path) as studio:
            canvas = studio.open("canvas")
            with pytest.raises(OtherEpoch):
                await canvas.wait_synced()
            merged = await canvas.merge(mine=mine)
            assert (merged.added, merged.differing) == (["mine"], ["both"])
            await canvas.wait_saved()
            await until_it_has(theirs, {"both", "mine"})
            with pytest.raises(ClientError, match="nothing to decide"):
                await canvas.discard()
    assert await notes_on_the_server(service, project) == {"both": text, "mine": "mine"}
    async with opened(service, project, keep=tmp_path) as studio:
        await studio.open("canvas").wait_saved()


async def test_who_may_only_read_keeps_the_copy_or_discards_it(service: Service, tmp_path: Path) -> None:
    project = await new_project(service)
    await service.sign_in("Vera", "viewer")
    kept_copy(tmp_path, project, "old")
    async with opened(service, project, "Vera", keep=tmp_path) as studio:
        canvas = studio.open("canvas")
        with pytest.raises(OtherEpoch):
            await canvas.wait_synced()
        with pytest.raises(NotSaved):
            await canvas.merge()
        assert set(Canvas(canvas.doc).nodes()) == {"old"}
        await canvas.discard()
        assert Canvas(canvas.doc).nodes() == {}


def film() -> tuple[Doc[Any], Canvas]:
    doc: Doc[Any] = Doc()
    canvas = Canvas(doc)
    for name, kind in (("shot", "shot"), ("warm", "style"), ("cold", "style")):
        canvas.add_node(NodeId(name), kind, {"x": 0, "y": 0}, title=name)  # type: ignore[arg-type]
    return doc, canvas


@pytest.mark.parametrize("mine", [False, True])
def test_deletions_and_joins_are_the_servers_unless_asked(mine: bool) -> None:
    (copy, old), (doc, today) = film(), film()
    for canvas, source in ((old, "warm"), (today, "cold")):
        edge = {"source": source, "source_socket": "style", "target": "shot", "target_socket": "style"}
        canvas.add_edge(EdgeId(f"from-{source}"), edge)  # type: ignore[arg-type]
    old.add_node(NodeId("gone"), "note", {"x": 0, "y": 0}, deleted=True)
    old.set_field("cold", "deleted", value=True)
    old.set_key("shot", "parameters", "lens_mm", 85)
    with doc.transaction():
        merged = merge_canvas(copy, doc, mine=mine)
    assert merged.added == (["from-warm"] if mine else [])  # the rival goes with the deleted node
    assert merged.differing[:2] == ["cold", "shot"]
    assert ("cold" in today.nodes()) is not mine
    assert [edge["source"] for edge in today.edges().values()] == ["warm" if mine else "cold"]
    shot = today.node("shot")
    assert shot is not None
    assert (shot == old.node("shot")) is mine
