"""Creative documents: treatment, screenplay, beat sheet and shot list, each begun from what the project says; pure."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, cast

from crdt_schema.ids import MAX_ID_LENGTH
from crdt_schema.project import Chapter, Manifest, Scene
from crdt_schema.records import ShotNode
from crdt_schema.values import normal

ScriptKind = Literal["treatment", "screenplay", "beat-sheet", "shot-list"]
NAMES: dict[ScriptKind, str] = {
    "treatment": "treatment",
    "screenplay": "screenplay",
    "beat-sheet": "beat_sheet",
    "shot-list": "shot_list",
}
"""How the name of each kind's documents begins: by it a document finds its folder, also in another studio."""
ALIASES: dict[str, ScriptKind] = {"beats": "beat-sheet", "shotlist": "shot-list"}
_WORD = re.compile(r"[\w\N{RIGHT SINGLE QUOTATION MARK}'-]*\w[\w\N{RIGHT SINGLE QUOTATION MARK}'-]*")


def kind_of_script(name: str) -> ScriptKind:
    """What a document is by its own name; what says nothing is read as a screenplay, whose format is plain text."""
    for kind, start in NAMES.items():
        if name == start or name.startswith((f"{start}-", f"{start}_")):
            return kind
    return "screenplay"


def title_of_script(name: str) -> str:
    """The words that people read for a document's own name."""
    start = NAMES[kind_of_script(name)]
    words = name.removeprefix(f"{start}-").replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def free_name(kind: ScriptKind, title: str, taken: Collection[str]) -> str:
    """A name for a new document of that kind and title that nothing has."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug, start = "_".join(re.findall(r"[a-z0-9]+", plain)), NAMES[kind]
    base = slug if slug == start or slug.startswith(f"{start}_") else f"{start}-{slug}" if slug else start
    # Two names that differ in case alone are one file on Windows and on a Mac.
    base, number, there = base[: MAX_ID_LENGTH - 5], 1, {name.lower() for name in taken}
    while (name := base if number == 1 else f"{base}_{number}") in there:
        number += 1
    return name


def count_words(text: str) -> int:
    """Words as an editor counts them: "sister-in-law" is one."""
    return len(_WORD.findall(text))


def template(kind: ScriptKind, manifest: Manifest, nodes: Mapping[str, object]) -> str:
    """What a new document begins with; `nodes` are those of the canvas, as plain values."""
    match kind:
        case "treatment":
            lines = _treatment(manifest)
        case "screenplay":
            lines = _screenplay(manifest)
        case "beat-sheet":
            lines = _beats(manifest)
        case "shot-list":
            lines = _shots(manifest, nodes)
    return "\n".join(lines).rstrip("\n") + "\n"


def _treatment(manifest: Manifest) -> Iterator[str]:
    contract = manifest["creative_contract"]
    yield from (manifest["title"], "=" * len(manifest["title"]), "")
    if manifest["description"]:
        yield from ("Logline", "-------", manifest["description"], "")
    if contract["styleNotes"]:
        yield from ("Look and tone", "-------------", contract["styleNotes"], "")
    for chapter in manifest["narrative"]["chapters"]:
        heading = f"{chapter['number']}. {chapter['title']}"
        yield from (heading, "-" * len(heading), "")
        for scene in chapter["scenes"]:
            yield from (f"{scene['title']}: {_summary(scene)}", "")


def _screenplay(manifest: Manifest) -> Iterator[str]:
    """Fountain: a title page, a section for each chapter, a heading and a synopsis for each scene."""
    yield from (f"Title: {manifest['title']}", "Credit: written by", "Author:", "Draft date:", "", "FADE IN:", "")
    for chapter in manifest["narrative"]["chapters"]:
        yield from (f"# {chapter['title']}", "")
        for scene in chapter["scenes"]:
            # A heading that says neither INT nor EXT is one because of its full stop.
            yield from (f".{scene['title'].upper()} #{chapter['number']}-{scene['number']}#", "")
            yield from (f"= {_summary(scene)}", "")
    yield "> FADE OUT."


def _beats(manifest: Manifest) -> Iterator[str]:
    beats = manifest["narrative"]["emotionalBeats"]
    scenes = [(chapter, scene) for chapter in manifest["narrative"]["chapters"] for scene in chapter["scenes"]]
    yield from (f"{manifest['title']}: emotional beats", "")
    for place, (chapter, scene) in enumerate(scenes):
        if scene is chapter["scenes"][0]:
            yield from (f"{chapter['number']}. {chapter['title']}", "")
        yield f"{chapter['number']}.{scene['number']} {scene['title']}"
        # The beats in their order over the scenes in theirs.
        beat = beats[place * len(beats) // len(scenes)] if beats else ""
        yield from (f"    Happens: {_summary(scene)}", f"    Feels: {beat}", "    Turns on:", "")


def _shots(manifest: Manifest, nodes: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{manifest['title']}: shot list", "")
    titles = {
        (chapter["number"], scene["number"]): _heading(chapter, scene)
        for chapter in manifest["narrative"]["chapters"]
        for scene in chapter["scenes"]
    }
    shots = [cast("ShotNode", node) for node in nodes.values() if cast("ShotNode", node)["type"] == "shot"]
    shots.sort(key=lambda shot: (shot["chapter"], shot["scene"], shot["shot"]))
    numbers = dict.fromkeys([*titles, *((_whole(shot["chapter"]), _whole(shot["scene"])) for shot in shots)])
    for chapter, scene in sorted(numbers):
        yield from (titles.get((chapter, scene), f"Chapter {chapter}, scene {scene}"), "")
        for shot in shots:
            if (shot["chapter"], shot["scene"]) == (chapter, scene):
                yield from _shot(shot)
        yield ""


def _shot(shot: ShotNode) -> Iterator[str]:
    camera = shot["parameters"]
    yield f"{_whole(shot['shot']):03d}  {shot['title']}"
    yield f"     Size: {camera.get('shot_size', '')}   Lens: {normal(camera.get('lens_mm', ''))} mm   Movement:"
    if prompt := " ".join(shot["prompt"].split()):
        yield f"     {prompt}"


def _heading(chapter: Chapter, scene: Scene) -> str:
    return f"{chapter['number']}.{scene['number']} {scene['title']}"


def _summary(scene: Scene) -> str:
    # A project.json that people edit need not say it.
    return scene.get("summary", "")


def _whole(number: float) -> int:
    return int(number)
