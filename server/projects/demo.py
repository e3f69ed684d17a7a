"""The demo project "Neo-Noir Laundromat": a short film of three shots, brief complete, ready to generate."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from crdt_schema.canvas import Canvas
from crdt_schema.ids import EdgeId, NodeId, ProjectId
from crdt_schema.project import CreativeContract, Manifest
from crdt_schema.records import Position
from server.auth.actor import Actor
from server.errors import NotFound
from server.hub.hub import Hub
from server.projects.boards import PALETTE, mood_boards
from server.projects.index import Project, Projects
from server.projects.manifest import NewProject
from server.snapshot.snapshotter import Snapshotter

TITLE = "Neo-Noir Laundromat"
LOGLINE = (
    "A woman on the run ducks into an all-night laundromat to dry a coat that is not hers, and finds the man who has "
    "been waiting for it."
)
STYLE_NOTES = (
    "Neo-noir, high contrast, neon accents. One source per frame; everything it does not touch may fall to black. "
    "Magenta belongs to her, cyan to the street. Wet surfaces, steam, no daylight, no crowd."
)
BRIEF: CreativeContract = {
    "targetFormat": "trailer",
    "targetRuntime": 60,
    "aspectRatio": "21:9",
    "referencePack": [],
    "budgetCap": 20,
    "styleNotes": STYLE_NOTES,
}
STYLE_CONTEXT = (
    "neo-noir, high contrast, wet neon reflections, magenta and cyan practical lights, drifting steam, deep shadows, "
    "35 mm film grain"
)
PLACE = (
    "interior of an all-night laundromat, rows of steel washing machines, wet checkered floor, a neon sign in the "
    "rain-streaked window, night"
)
NEGATIVE = "crowd, daylight"

PIPELINE, STYLE, SETTING = NodeId("pipeline-previz"), NodeId("style-neo-noir"), NodeId("prompt-laundromat")
LEFT, SHOTS_LEFT, SHOT_STEP, ROW_STEP = 0, 370, 370, 470
"""Two shots a row: a canvas nearly as high as wide opens at a size at which it can be read."""
SHOTS_PER_ROW = 2
"""Canvas units: shared nodes in one column, the shots in the order of the film beside it."""


@dataclass(frozen=True)
class DemoShot:
    """One shot of the demo: what is written first, and what the camera department then chooses."""

    id: NodeId
    number: int
    title: str
    prompt: str
    seed: int
    camera: dict[str, str | int] = field(default_factory=dict[str, "str | int"])


SHOTS = (
    DemoShot(
        NodeId("shot-door"),
        1,
        "The door",
        "Wide shot. The femme fatale enters through the glass door in a long coat, steam curling around her, "
        "the neon of the street behind",
        42,
        {"lighting": "neon-night", "lens_mm": 28},
    ),
    DemoShot(
        NodeId("shot-wait"),
        2,
        "The wait",
        "Medium shot. A man in a hat sits on the bench between the machines, smoking, his face half in shadow, "
        "and does not look up",
        7,
        {"lighting": "studio-low-key", "lens_mm": 40},
    ),
    DemoShot(
        NodeId("shot-silhouette"),
        3,
        "The silhouette",
        "Medium shot from behind. Her silhouette stands at the neon window, rain running down the glass, "
        "his reflection beside her",
        21,
        {"lighting": "neon-night", "lens_mm": 75},
    ),
)
NOTE = (
    "Start here: press Generate on a shot. The three shots share one pipeline, one look and one place; change a word "
    "in the prompt on the left and every shot follows."
)

Edit = Callable[[Canvas], object]


async def ensure_demo(projects: Projects, hub: Hub, snapshotter: Snapshotter, marker: Path, by: Actor) -> None:
    """Make the demo in a workspace without projects.

    `marker` names the demo while it is being made. A start that was interrupted leaves it behind: what it had made,
    nobody can have worked on, for the hub did not serve yet; it is thrown away and made afresh.
    """
    if await asyncio.to_thread(_begin, projects, marker):
        await create_demo(projects, hub, snapshotter, by, on_created=marker.write_text)
    await asyncio.to_thread(marker.unlink, missing_ok=True)


def _begin(projects: Projects, marker: Path) -> bool:
    """Clear what an interrupted start left; whether the demo is to be made."""
    if marker.exists():
        with suppress(NotFound):
            shutil.rmtree(projects.get(ProjectId(marker.read_text())).folder)
    if projects.all():
        return False
    marker.touch()
    return True


async def create_demo(
    projects: Projects,
    hub: Hub,
    snapshotter: Snapshotter,
    by: Actor,
    *,
    on_created: Callable[[str], object] = lambda _: None,
) -> Project:
    """Make the demo step by step through the hub, with a commit after each step."""
    project = await projects.create(NewProject(TITLE, LOGLINE, contract=BRIEF), by)
    on_created(project.id)
    story = _Story(projects, hub, snapshotter, project.id, by)
    await projects.update_manifest(project.id, _write_outline, by)
    await snapshotter.snapshot_now(project.id, actor=by)
    for name, image in (await asyncio.to_thread(mood_boards)).items():
        await projects.add_reference(project.id, f"{name}.jpg", image, by)
    await snapshotter.snapshot_now(project.id, actor=by)
    await story.edit(_add_shared_nodes)
    for shot in SHOTS:
        await story.edit(lambda canvas, shot=shot: _add_shot(canvas, shot))
    await story.edit(_choose_cameras)
    await story.edit(_leave_note, name="Ready to shoot")
    return projects.get(project.id)


@dataclass(frozen=True)
class _Story:
    """The demo as it is being made."""

    projects: Projects
    hub: Hub
    snapshotter: Snapshotter
    project: ProjectId
    by: Actor

    async def edit(self, edit: Edit, name: str | None = None) -> None:
        async with self.hub.room(self.project, "canvas") as room:
            room.edit(self.by, lambda doc: edit(Canvas(doc)))
            await self.snapshotter.snapshot_now(self.project, name, self.by)


def _write_outline(manifest: Manifest) -> Manifest:
    manifest["narrative"] = {
        "structure": "three-act",
        "chapters": [
            {
                "number": 1,
                "title": "Wash",
                "scenes": [
                    {
                        "number": 1,
                        "title": "After midnight",
                        "summary": "She comes in from the rain. He is there already.",
                    },
                ],
            },
            {
                "number": 2,
                "title": "Spin",
                "scenes": [{"number": 1, "title": "The ticket", "summary": "Two names, one coat, one drum turning."}],
            },
            {
                "number": 3,
                "title": "Dry",
                "scenes": [{"number": 1, "title": "The last cycle", "summary": "The lights go out one by one."}],
            },
        ],
        "emotionalBeats": ["unease", "recognition", "betrayal", "redemption"],
    }
    return manifest


def _add_shared_nodes(canvas: Canvas) -> None:
    canvas.add_node(PIPELINE, "pipeline", {"x": LEFT + 40, "y": 0}, title="Previz frame", pipeline="previz-image")
    canvas.add_node(SETTING, "prompt", {"x": LEFT, "y": 190}, title="The laundromat", prompt=PLACE)
    canvas.add_node(
        STYLE, "style", {"x": LEFT + 20, "y": 400}, title="Neo-noir", context=STYLE_CONTEXT, palette=list(PALETTE)
    )


def _add_shot(canvas: Canvas, shot: DemoShot) -> None:
    row, column = divmod(shot.number - 1, SHOTS_PER_ROW)
    canvas.add_node(
        shot.id,
        "shot",
        {"x": SHOTS_LEFT + SHOT_STEP * column, "y": ROW_STEP * row},
        title=shot.title,
        shot=shot.number,
        prompt=shot.prompt,
        negative_prompt=NEGATIVE,
        seed=shot.seed,
        seed_mode="fixed",
    )
    for source, source_socket, socket in (
        (PIPELINE, "pipeline", "pipeline"),
        (SETTING, "text", "prompt"),
        (STYLE, "style", "style"),
    ):
        canvas.add_edge(
            EdgeId(f"{source}-{shot.id}"),
            {"source": source, "source_socket": source_socket, "target": shot.id, "target_socket": socket},
        )


def _choose_cameras(canvas: Canvas) -> None:
    for shot in SHOTS:
        for name, value in shot.camera.items():
            canvas.set_key(shot.id, "parameters", name, value)


def _leave_note(canvas: Canvas) -> None:
    place: Position = {"x": SHOTS_LEFT + SHOT_STEP, "y": ROW_STEP}
    canvas.add_node(NodeId("note-start"), "note", place, title="Start here", text=NOTE)
