"""`workprint replay TAKE`: make a take again from its recipe, on this machine, and say whether it is the same.

What was made and how stands in the provenance file beside each take; inputs are looked up by their hash. The exit
status is 0 when the bytes are equal, 1 when they differ, 2 when the take cannot be made again here.
"""

import argparse
import hashlib
import json
import math
import mimetypes
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from crdt_schema.ids import is_blob_hash
from crdt_schema.records import Tier
from pipelines import media, registry, run
from pipelines.spec import PipelineError, Result

EQUAL, DIFFERS, IMPOSSIBLE = 0, 1, 2
_AVERAGE = re.compile(r"PSNR .*average:(\S+)")
Said = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A take on disk: its provenance, its file, and the folder of its project."""

    said: Said
    file: Path
    project: Path


@dataclass(frozen=True)
class _Context:
    """The run context of a replay; Ctrl-C ends it."""

    scratch: Path
    inputs: Mapping[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])

    def progress(self, percent: float, step: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{percent:3.0f} % {step:<50.50}")

    def check(self) -> None:
        """Ctrl-C raises by itself."""

    def log(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    def preview(self, path: Path) -> None:
        """Nobody watches."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay one take; the exit status."""
    given = _parser().parse_args(arguments)
    try:
        found = find(Path(given.workspace), given.take)
        with tempfile.TemporaryDirectory(prefix="workprint-replay-") as folder:
            result = again(found, Path(folder))
            made = result.outputs[0].path
            if given.keep:
                shutil.copyfile(made, given.keep)
            same = _sha256(made) == found.said["media"]["sha256"]
            sys.stdout.write("\n".join([_head(found, same=same), *differences(found, result)]) + "\n")
            return EQUAL if same else DIFFERS
    except (PipelineError, OSError) as error:
        sys.stderr.write(f"workprint replay: {error}\n")
        return IMPOSSIBLE


def _parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="workprint replay", description="Make a take again and compare the bytes.")
    root.add_argument("take", help="its id, its name such as S01_S01_take01, or its file")
    root.add_argument("--workspace", default=os.environ.get("WORKSPACE_ROOT", "."), help=argparse.SUPPRESS)
    root.add_argument("--keep", metavar="FILE", help="keep what was made")
    return root


def find(workspace: Path, wanted: str) -> Found:
    """The take of that id, name or file; raises PipelineError when there is none, or more than one."""
    matches = [found for found in _takes(workspace, wanted) if _is(found, wanted)]
    if not matches:
        raise PipelineError(f"No take on disk is called {wanted[:80]}. Its name, its id and its file are understood.")
    if len(matches) > 1:
        each = "\n".join(f"  {found.said['take']}  {found.project.name}" for found in matches)
        raise PipelineError(f"{wanted} is in more than one place; give its id:\n{each}")
    return matches[0]


def again(found: Found, folder: Path) -> Result:
    """Run the recipe of a take in `folder`; raises PipelineError."""
    recipe: Mapping[str, Any] = found.said["recipe"]
    scratch = folder / "scratch"
    scratch.mkdir()
    context = _Context(scratch, _inputs(found, folder))
    try:
        result = run.run(str(recipe["pipeline"]), cast("Tier", recipe["tier"]), recipe, context)
    except KeyError as error:
        raise PipelineError(f"The recipe of this take does not say its {error}, so it cannot be made again.") from error
    if not result.outputs:
        raise PipelineError("The pipeline ended without an output")
    return result


def differences(found: Found, result: Result) -> list[str]:
    """What is not as it was: the pipeline's version, packages and digests, and the picture itself."""
    recipe: Mapping[str, Any] = found.said["recipe"]
    lines: list[str] = []
    then, now = str(recipe.get("pipeline_version", "")), registry.get(str(recipe["pipeline"])).version
    if then != now:
        lines.append(f"  pipeline version: {then or 'not recorded'} then, {now} now")
    facts: Mapping[str, str] = found.said.get("facts", {})
    if not facts:
        lines.append("  the versions of packages were not recorded with this take")
    lines += [
        f"  {name}: {facts.get(name, 'nothing')} then, {result.facts.get(name, 'nothing')} now"
        for name in sorted({*facts, *result.facts} if facts else ())
        if facts.get(name) != result.facts.get(name)
    ]
    made = result.outputs[0].path
    if _sha256(made) != found.said["media"]["sha256"]:
        lines.append("  " + compared(found.file, made, str(found.said["media"]["media_type"])))
    return lines


def compared(first: Path, second: Path, media_type: str) -> str:
    """How far two files are apart, in words."""
    if not first.is_file():
        return "the take's own file is not here, so only its hash could be compared"
    kind = media_type.partition("/")[0]
    if kind == "image":
        with Image.open(first) as one, Image.open(second) as other:
            if one.size != other.size:
                return f"size: {one.width} x {one.height} then, {other.width} x {other.height} now"
            gap = np.abs(np.asarray(one.convert("RGB"), np.float64) - np.asarray(other.convert("RGB"), np.float64))
        error = float((gap**2).mean())
        if not error:
            return "every pixel is equal; only the encoding differs"
        return f"picture: PSNR {10 * math.log10(255**2 / error):.1f} dB, largest difference {gap.max():.0f} of 255"
    if kind == "video":
        how = ["-i", f"file:{first}", "-i", f"file:{second}", "-lavfi", "psnr", "-f", "null", "-"]
        match = _AVERAGE.search(media.read_words(how, lambda: None))
        return f"film: PSNR {match[1]} dB" if match else "film: the two cannot be compared frame by frame"
    return f"{first.stat().st_size} bytes then, {second.stat().st_size} now"


def _takes(workspace: Path, wanted: str) -> Iterator[Found]:
    """What may be meant: the file itself, or every take of the workspace that has provenance."""
    direct = Path(wanted)
    places = [direct.with_suffix(".json")] if direct.suffix else workspace.glob("Projects/*/03_Renders/**/*.json")
    for place in sorted(places):
        try:
            said = json.loads(place.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and cast("Said", said).get("schema") == "provenance.1":
            beside = [each for each in place.parent.glob(f"{place.stem}.*") if each.suffix != ".json"]
            yield Found(cast("Said", said), beside[0] if beside else place.with_suffix(""), _project_of(place))


def _project_of(place: Path) -> Path:
    parents = place.absolute().parents
    return next((each for each in parents if (each / "project.json").is_file()), parents[0])


def _is(found: Found, wanted: str) -> bool:
    return wanted in (found.said["take"], found.said["name"]) or Path(wanted).stem == found.said["name"]


def _inputs(found: Found, folder: Path) -> dict[str, tuple[Path, ...]]:
    """The files that the recipe names, by the socket that they were joined to; raises PipelineError."""
    place = folder / "inputs"
    place.mkdir()
    joined = cast("Mapping[str, list[Mapping[str, str]]]", found.said["recipe"].get("inputs") or {})
    given: dict[str, tuple[Path, ...]] = {}
    for socket, files in joined.items():
        linked: list[Path] = []
        for each in files:
            blob = str(each["blob"])
            source = found.project / ".git" / "lfs" / "objects" / blob[:2] / blob[2:4] / blob
            if not is_blob_hash(blob) or not source.is_file():
                raise PipelineError(f"The input {each.get('name', blob)} of this take is not in the project any more.")
            target = place / f"{blob}{mimetypes.guess_extension(str(each.get('media_type', ''))) or ''}"
            shutil.copyfile(source, target)
            linked.append(target)
        given[socket] = tuple(linked)
    return given


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _head(found: Found, *, same: bool) -> str:
    recipe = found.said["recipe"]
    about = f"{found.said['name']} ({recipe['pipeline']}, {recipe['tier']}, seed {recipe.get('seed')})"
    return f"{about} is {'the same, byte for byte' if same else 'not the same'}."


if __name__ == "__main__":
    sys.exit(main())
