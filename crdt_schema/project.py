"""What a project is besides its documents: the manifest `project.json` (W-045 to W-059) and its contract."""

from typing import Literal, TypedDict

from crdt_schema.records import Tier

Governance = Literal["studio", "sketch"]
WhenBusy = Literal["queue", "fallback"]
"""Where no farm node is free for the tier: wait for one, or take a lower tier and say so (I-044)."""
NarrativeStructure = Literal["three-act", "hero-journey", "beat-sheet", "story-circle"]

ASPECT_RATIOS: tuple[str, ...] = ("16:9", "1.85:1", "2.39:1", "21:9", "4:3", "1:1", "9:16")
CONTRACT_GATE_TEXT = "Complete Project Brief before generating"
"""Kept word for word (G-011, G-104)."""
MIN_REFERENCES = 3


class CreativeContract(TypedDict):
    """The brief and budget of a project (G-005 to G-010). `budgetCap` None means that it is not set."""

    targetFormat: str
    targetRuntime: float
    aspectRatio: str
    referencePack: list[str]
    """SHA-256 of each reference image."""
    budgetCap: float | None
    styleNotes: str


class ProjectSettings(TypedDict):
    """Settings that every generation reads."""

    aspect_ratio: str
    quality: Tier
    fps: int
    resolution: list[int]
    governance: Governance
    when_busy: WhenBusy


class Chapter(TypedDict):
    """A level below the project; scenes are numbered inside it."""

    number: int
    title: str
    scenes: list["Scene"]


class Scene(TypedDict):
    """A level below the chapter."""

    number: int
    title: str
    summary: str


class Narrative(TypedDict):
    """Story structure (W-056, W-057)."""

    structure: NarrativeStructure
    chapters: list[Chapter]
    emotionalBeats: list[str]


class Manifest(TypedDict):
    """The authoritative index of a project, `project.json` at its root."""

    schema: str
    uuid: str
    title: str
    description: str
    created: str
    canvas_path: str
    version: int
    project_settings: ProjectSettings
    narrative: Narrative
    assets: dict[str, list[str]]
    creative_contract: CreativeContract


class Gate(TypedDict):
    """A rule that must hold before a step; shown to everybody, enforced on the server."""

    name: str
    holds: bool
    message: str
    who_can_lift: str


def contract_gate(contract: CreativeContract, governance: Governance) -> Gate:
    """The contract gate (G-011, CF-61): a studio project needs a budget cap and three references; zero is a cap."""
    missing = ["setting a budget cap"] if contract["budgetCap"] is None else []
    left = MIN_REFERENCES - len(contract["referencePack"]) if governance == "studio" else 0
    if left > 0:
        missing.append(f"adding {left} more reference {'images' if left > 1 else 'image'}")
    return {
        "name": "contract",
        "holds": not missing,
        "message": CONTRACT_GATE_TEXT if missing else "",
        "who_can_lift": f"an editor, by {' and '.join(missing)}" if missing else "",
    }
