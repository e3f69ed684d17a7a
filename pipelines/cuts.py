"""Shot cuts of a film: ffmpeg's scene detector, as a contact sheet, an EDL (CMX 3600) and JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from pipelines import media, pictures
from pipelines.spec import Output, PipelineError, Recipe, Result, RunContext

CELL_PX = 320
COLUMNS = 4
MOST_SHOTS = 400
_RATE = re.compile(r"Stream #0:\d+.*Video:.*?([\d.]+) fps")
_SHOWN = re.compile(r"\bn:\s*(\d+) pts:.*?pts_time:([\d.]+)")
_CUT = re.compile(r"lavfi\.scd\.score: ([\d.]+), lavfi\.scd\.time: ([\d.]+)")


@dataclass(frozen=True)
class Shot:
    """From the frame `start` up to, but without, the frame `end`."""

    start: int
    end: int
    score: float


def render(recipe: Recipe, _options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `cuts-ffmpeg`: a contact sheet of the shots, the EDL and the JSON in the scratch folder."""
    source = pictures.only_input(context, "video")
    context.progress(2, "Looking for cuts")
    rate, shots = find(source, float(recipe["parameters"]["threshold"]), context)
    context.progress(80, "Drawing the contact sheet")
    sheet = _sheet(source, shots, rate, context)
    image, edl, data = (context.scratch / name for name in ("cuts.png", "cuts.edl", "cuts.json"))
    sheet.save(image, "PNG")
    edl.write_text(edl_of(shots, rate), encoding="ascii")
    said = {
        "rate": f"{rate.numerator}/{rate.denominator}",
        "frames": shots[-1].end,
        "shots": [vars(shot) for shot in shots],
    }
    data.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    context.progress(100, "Done")
    outputs = Output(image, "image/png", *sheet.size), Output(edl, "text/x-edl"), Output(data, "application/json")
    return Result(outputs, facts={"detector": f"scdet of {media.version()}", "shots": str(len(shots))})


def find(source: Path, threshold: float, context: RunContext) -> tuple[Fraction, list[Shot]]:
    """Pictures per second and the shots of a film; raises PipelineError and what `context` raises."""
    how = f"scdet=threshold={threshold:g},showinfo=checksum=0"
    told = media.read_words(["-i", f"file:{source}", "-an", "-vf", how, "-f", "null", "-"], context.check)
    match, times = _RATE.search(told), [float(each[1]) for each in _SHOWN.findall(told)]
    if match is None or not times:
        raise PipelineError("The file that is joined to this is not a film that can be read")
    cuts = {float(time): float(score) for score, time in _CUT.findall(told)}
    at = {_nearest(times, time): score for time, score in cuts.items()}
    starts = sorted({0, *(frame for frame in at if frame > 0)})
    if len(starts) > MOST_SHOTS:
        raise PipelineError(f"More than {MOST_SHOTS} cuts were found; raise the threshold")
    ends = [*starts[1:], len(times)]
    return media.rate_of(float(match[1])), [Shot(a, b, at.get(a, 0.0)) for a, b in zip(starts, ends, strict=True)]


def edl_of(shots: list[Shot], rate: Fraction) -> str:
    """The shots as events of a CMX 3600 list, one after the other, without drop frames."""
    lines = ["TITLE: WORKPRINT CUTS", "FCM: NON-DROP FRAME", ""]
    for number, shot in enumerate(shots, 1):
        begin, end = timecode(shot.start, rate), timecode(shot.end, rate)
        lines.append(f"{number:03d}  AX       V     C        {begin} {end} {begin} {end}")
    return "\n".join(lines) + "\n"


def timecode(frame: int, rate: Fraction) -> str:
    """Hours, minutes, seconds and frames."""
    whole = max(round(rate), 1)
    seconds, rest = divmod(frame, whole)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}"


def _nearest(times: list[float], time: float) -> int:
    return min(range(len(times)), key=lambda number: abs(times[number] - time))


def _sheet(source: Path, shots: list[Shot], rate: Fraction, context: RunContext) -> Image.Image:
    """The middle picture of each shot, with number and time code."""
    middles = [(shot.start + shot.end) // 2 for shot in shots]
    wanted = "+".join(f"eq(n\\,{middle})" for middle in middles)
    pattern = context.scratch / "shot-%04d.jpg"
    how = ["-vf", f"select={wanted},scale={CELL_PX}:-2", "-fps_mode", "passthrough", "-q:v", "3", f"file:{pattern}"]
    media.read_words(["-i", f"file:{source}", "-an", *how], context.check)
    frames = [pictures.opened(path) for path in sorted(context.scratch.glob("shot-*.jpg"))]
    height = max(frame.height for frame in frames)
    rows = -(-len(frames) // COLUMNS)
    sheet = Image.new("RGB", (min(len(frames), COLUMNS) * CELL_PX, rows * (height + 18)), (14, 14, 16))
    draw = ImageDraw.Draw(sheet)
    for number, (frame, shot) in enumerate(zip(frames, shots, strict=True)):
        left, top = number % COLUMNS * CELL_PX, number // COLUMNS * (height + 18)
        sheet.paste(frame, (left, top))
        draw.text((left + 4, top + height + 3), f"{number + 1}   {timecode(shot.start, rate)}", fill=(201, 197, 189))
    return sheet
