"""Writes a new pipeline: its definition with a comment at every field, and what its runner wants beside it."""

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from crdt_schema.sockets import SocketType
from pipelines.spec import PipelineError, RunnerName

CONTAINERS = Path(__file__).parent / "containers"
TEMPLATES = Path("Library", "Pipeline_Templates")
"""Where definitions of a workspace lie (P-008)."""
RUNNERS: tuple[str, ...] = tuple(name for name in get_args(RunnerName) if name != "local")
TASKS: dict[str, SocketType] = {
    "generate-image": "Image",
    "edit-image": "Image",
    "generate-video": "Video",
    "upscale": "Image",
    "speech": "Audio",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True)
class Wish:
    """What the author said about the new pipeline."""

    name: str
    task: str = "generate-image"
    runner: str = "docker"
    image: str = ""
    command: tuple[str, ...] = ()
    """A command line with placeholders, for an image that knows nothing of Workprint."""
    collect: str = "result.*"


def write(wish: Wish, folder: Path) -> list[Path]:
    """Write the files of a new pipeline into `folder`; returns them. Raises PipelineError when it may not."""
    if not _NAME.fullmatch(wish.name):
        raise PipelineError(f"{wish.name!r} is no name for a pipeline: use a-z, 0-9, dots and dashes")
    definition = folder / f"{wish.name}.toml"
    if definition.exists():
        raise PipelineError(f"{definition} exists. Change it, or take another name")
    folder.mkdir(parents=True, exist_ok=True)
    made = [definition]
    if wish.runner == "docker" and not wish.command:
        made += _container(wish, folder / wish.name)
    definition.write_text(_definition(wish, folder), encoding="utf-8")
    return made


def image_of(wish: Wish) -> str:
    """The image that the definition names."""
    return wish.image or f"workprint/{wish.name}:1"


def _container(wish: Wish, folder: Path) -> list[Path]:
    folder.mkdir()
    words = {"image": image_of(wish), "folder": f"{TEMPLATES}/{wish.name}", "label": _label(wish)}
    for name in ("Dockerfile", "main.py"):
        text = (CONTAINERS / "skeleton" / name).read_text(encoding="utf-8")
        for key, value in words.items():
            text = text.replace(f"{{{key}}}", value)
        (folder / name).write_text(text, encoding="utf-8")
    runtime = folder / "workprint_runtime"
    shutil.copytree(CONTAINERS / "workprint_runtime", runtime, ignore=shutil.ignore_patterns("__pycache__"))
    return [folder / "Dockerfile", folder / "main.py", runtime]


def _definition(wish: Wish, folder: Path) -> str:
    output = TASKS.get(wish.task, "Image")
    tier = {"docker": _docker, "comfyui": _comfyui, "provider": _provider}[wish.runner](wish, folder)
    return _HEAD.format(
        name=wish.name,
        uuid=uuid.uuid4(),
        label=_label(wish),
        output=output,
        task=wish.task,
        needs=_NEEDS[wish.runner],
        inputs="".join(_INPUT.format(name=name, label=_spoken(name)) for name in _inputs(wish)),
        params="".join(
            _PARAM.format(name=name, label=_spoken(name)) for name in _named(wish, "parameters") or ["strength"]
        ),
        tier=tier,
    )


def _inputs(wish: Wish) -> list[str]:
    return _named(wish, "inputs") or (["source"] if wish.task in ("edit-image", "upscale") else [])


def _named(wish: Wish, kind: str) -> list[str]:
    """The inputs or parameters that the command line names, each once."""
    found = re.findall(rf"\{{{kind}\.([a-z][a-z0-9_]*)\}}", " ".join(wish.command))
    return list(dict.fromkeys(found))


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _docker(wish: Wish, folder: Path) -> str:
    lines = [
        'runner = "docker"',
        f"entry = {_quoted(image_of(wish))}  # the image; name:tag, or name@sha256:... for one that never changes",
        "vram_gb = 0         # GPU memory it needs; 0: none, it runs on any node",
        "long_edge_px = 1024",
        "seconds_prior = 30  # a guess of how long it takes, until it was measured",
        "",
        "[tiers.low.options]",
        "memory_gb = 8       # main memory; more ends it",
        "seconds = 1800      # the longest it may take",
    ]
    if wish.command:
        lines += [
            f"command = [{', '.join(_quoted(word) for word in wish.command)}]",
            f"collect = [{_quoted(wish.collect)}]  # which files in {{out}} are the result, the first is the take",
            "# progress = '([0-9.]+)%'  # where in its output the per cent stand",
        ]
    else:
        lines.append(f"build = {_quoted(str(folder / wish.name))}  # told to whoever has not built the image yet")
    return "\n".join(lines)


def _comfyui(wish: Wish, folder: Path) -> str:  # noqa: ARG001 - one shape for the three
    return "\n".join(
        [
            'runner = "comfyui"',
            f"entry = {_quoted(wish.name + '.json')}  # from ComfyUI's Workflow > Export (API), into this folder",
            "vram_gb = 12",
            "long_edge_px = 1024",
            "seconds_prior = 30  # a guess of how long it takes, until it was measured",
        ]
    )


def _provider(wish: Wish, folder: Path) -> str:  # noqa: ARG001 - as above
    return "\n".join(
        [
            'runner = "provider"',
            f"entry = {_quoted(wish.name)}  # the adapter: which address takes the job, and where the answer stands",
            "vram_gb = 0",
            "long_edge_px = 1024",
            "seconds_prior = 30  # a guess of how long it takes, until it was measured",
        ]
    )


def _label(wish: Wish) -> str:
    return wish.name.replace("-", " ").replace(".", " ").capitalize()


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)


_NEEDS = {
    "docker": "a farm node with Docker",
    "comfyui": "a farm node with ComfyUI",
    "provider": "the provider's key on a farm node",
}
_INPUT = """
[[inputs]]
name = "{name}"
types = ["Image"]    # or several of Image, Video, Audio, ControlMap, Mask
label = "{label}"
"""
_PARAM = """
[[params]]
name = "{name}"
type = "float"
default = 0.5
minimum = 0
maximum = 1
label = "{label}"
help = "What more of it does to the picture."
"""
_HEAD = """\
# A pipeline is data: `workprint pipeline check {name}` reads this file and says what is wrong with it.
id = "{name}"
version = "1.0.0"
uuid = "{uuid}"  # never changes; shots refer to it
label = "{label}"
summary = "Say in one sentence what it makes and when an artist takes it."
output = "{output}"
task = "{task}"
price_usd = 0.0      # what one {output} costs; budgets count it
needs = "{needs}"
licence = "Name the licence of the model"
source = "https://example.org/where-the-model-comes-from"

# Each input becomes a socket of the Shot node that this pipeline is joined to.
{inputs}
[[inputs]]
name = "prompt"
types = ["String"]
label = "Prompt"
required = false

# Each parameter becomes a control of the Shot node. Types: string, integer, float, boolean, enum, palette.
{params}
# One table per tier it has: low (12 GB), standard (16 GB), high (24 GB).
[tiers.low]
{tier}
"""
