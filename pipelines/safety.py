"""The safe-for-work check: NudeNet on the CPU looks at every picture that a gated pipeline takes or makes (P-016).

NudeNet finds parts of bodies and gives each a score from 0 to 1. A picture is refused when a part of `UNSAFE` scores
at least its threshold there. A film is looked at once a second, an animation picture by picture. What a file is, its
bytes say, not its name; what cannot be looked at is refused, too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageSequence

from crdt_schema.sniffing import HEAD_BYTES, UNKNOWN, media_type_of
from pipelines import media, pictures, requirements
from pipelines.safety_limits import PARTS, UNSAFE, limits_of
from pipelines.spec import NotSafe, Output, PipelineError, Recipe, Result, RunContext

_SIDE_PX = 320
_WORTH_TELLING = 0.2
MOST_PICTURES = 120
"""Of one animation; of a longer one every second, third and so on is looked at."""
_MOST_TEXT_BYTES = 16 << 20
_TEXTS = frozenset({".csv", ".edl", ".json", ".srt", ".txt", ".xml"})


@dataclass(frozen=True)
class Finding:
    """The highest score of a part of a body in a picture, and where: left, top, width, height in pixels."""

    part: str
    score: float
    box: tuple[int, int, int, int]


class Unseen:
    """The context of a gated run: nobody sees previews of what has not been checked."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def preview(self, path: Path) -> None:
        """Shown to nobody."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._context, name)


def lacking() -> str:
    """Empty when this node can check, else what to install."""
    return requirements.lacking(("extra:safety",))


def check_pictures(
    paths: Iterable[Path], context: RunContext, unsafe: Mapping[str, float] = UNSAFE
) -> Mapping[str, str]:
    """What was found out about the files, for their provenance; raises NotSafe, and whatever `context` raises."""
    highest, looked_at = 0.0, 0
    for path in paths:
        for picture in _pictures(path, context):
            context.check()
            looked_at += 1
            for finding in look(picture):
                limit = unsafe.get(finding.part)
                if limit is None:
                    continue
                if finding.score >= limit:
                    context.log(f"safe-for-work check: {finding.part} {finding.score:.2f}, the limit is {limit:.2f}")
                    raise NotSafe(
                        "The safe-for-work check stopped this: a picture shows more of a body than this pipeline "
                        "may be given or may make. Choose another picture; a producer can tell you about the rules."
                    )
                highest = max(highest, finding.score)
    return {
        "safety_model": f"nudenet {version('nudenet')} 320n",
        "safety_pictures": str(looked_at),
        "safety_score": f"{highest:.3f}",
    }


def look(picture: Image.Image) -> list[Finding]:
    """The parts of bodies that are seen in a picture, each once, the likeliest first; raises PipelineError."""
    side = max(picture.size)
    square = Image.new("RGB", (side, side))
    square.paste(picture, (0, 0))
    small = np.asarray(square.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR), np.float32)
    (raw,) = _session().run(None, {"images": (small / np.float32(255)).transpose(2, 0, 1)[None]})
    rows: NDArray[np.float32] = raw[0].T
    scores = rows[:, 4:]
    found: list[Finding] = []
    for number, part in enumerate(PARTS):
        best = int(scores[:, number].argmax())
        score = float(scores[best, number])
        if score >= _WORTH_TELLING:
            x, y, w, h = (float(value) * side / _SIDE_PX for value in rows[best, :4])
            found.append(Finding(part, score, (int(x - w / 2), int(y - h / 2), int(w), int(h))))
    return sorted(found, key=lambda finding: -finding.score)


def report(_recipe: Recipe, options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `safety-nudenet`: the picture with what was found marked, and the report as JSON."""
    picture = pictures.opened(pictures.only_input(context, "image"))
    context.progress(20, "Looking")
    found = look(picture)
    limits = limits_of(options)
    marked = ImageDraw.Draw(picture)
    for finding in found:
        left, top, width, height = finding.box
        colour = (226, 88, 62) if finding.score >= limits.get(finding.part, 2.0) else (201, 197, 189)
        marked.rectangle((left, top, left + width, top + height), outline=colour, width=2)
        marked.text((left + 4, top + 2), f"{finding.part.lower()} {finding.score:.2f}", fill=colour)
    safe = not any(finding.score >= limits.get(finding.part, 2.0) for finding in found)
    said = {"safe": safe, "findings": [vars(finding) for finding in found], "limits": limits}
    data, image = context.scratch / "safety.json", context.scratch / "marked.png"
    data.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    picture.save(image, "PNG")
    context.progress(100, "Done")
    facts = {"safety_model": f"nudenet {version('nudenet')} 320n", "safe": str(safe).lower()}
    outputs = Output(image, "image/png", *picture.size), Output(data, "application/json")
    return Result(outputs, facts=facts)


def _pictures(path: Path, context: RunContext) -> Iterator[Image.Image]:
    """Every picture that can be seen in a file; raises NotSafe for what cannot be looked at."""
    try:
        with path.open("rb") as file:
            kind = media_type_of(file.read(HEAD_BYTES))
        if kind.startswith("image/"):
            yield from _frames(path)
        elif kind.startswith("video/") or (kind.startswith("audio/") and media.has_pictures(path, context.check)):
            with media.one_a_second(path, context.scratch, context.check) as frames:
                for frame in frames:
                    yield pictures.opened(frame)
        elif not kind.startswith("audio/") and not (kind == UNKNOWN and _is_text(path)):
            raise PipelineError(f"It is of the kind {kind}")  # noqa: TRY301 - the one place that knows what to say
    except (PipelineError, OSError) as error:
        if isinstance(error, PipelineError) and type(error) is not PipelineError:
            raise
        raise NotSafe("The safe-for-work check could not look at a file, so it is not used. " + str(error)) from error


def _frames(path: Path) -> Iterator[Image.Image]:
    """A picture, or those of an animation or of a file with several pages."""
    first = pictures.opened(path)
    yield first
    with Image.open(path) as image:
        count = getattr(image, "n_frames", 1)
        step = -(-count // MOST_PICTURES)
        try:
            for number, frame in enumerate(ImageSequence.Iterator(image) if count > 1 else ()):
                if number % step == 0 or number == count - 1:
                    yield frame.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise PipelineError("A picture of the animation cannot be read") from error


def _is_text(path: Path) -> bool:
    """Whether a file both is called words and is nothing else."""
    if path.suffix.lower() not in _TEXTS or path.stat().st_size > _MOST_TEXT_BYTES:
        return False
    try:
        return "\0" not in path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False


@cache
def _session() -> Any:  # noqa: ANN401 - onnxruntime has no types
    """The model, loaded once; two threads, so that other work on the node goes on."""
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise PipelineError(f"The safe-for-work check is not on this farm node. {lacking()}") from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 2
    weights = pictures.folder_of("nudenet") / "320n.onnx"
    return runtime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
