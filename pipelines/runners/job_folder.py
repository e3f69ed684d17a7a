"""The folder between an attempt and its container: job.json and inputs in, files and result.json out, distrusted."""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

from PIL import Image, UnidentifiedImageError

from crdt_schema.sniffing import HEAD_BYTES, UNKNOWN, media_type_of
from pipelines.binding import values_of
from pipelines.docker_options import Options
from pipelines.pictures import FORMATS
from pipelines.spec import Output, Pipeline, PipelineError, Recipe, RunContext, TierSpec

VERSION = "job.1"
JOB, INPUTS, OUT, MODELS = "/job/job.json", "/job/inputs", "/job/out", "/models"
GIB = 1024**3
MAX_RESULT_BYTES = 1 << 20
MAX_PREVIEW_BYTES = 4 << 20
MAX_WORDS = 2000
"""Of a failure: they stand in a document that everybody loads."""
MAX_OUTPUTS = 64
MAX_FACTS = 40
MAX_NAMED = 5
PREVIEW_TYPES = ("image/png", "image/jpeg", "image/webp")
_KINDS = {"Image": "image/", "Video": "video/", "Audio": "audio/", "ControlMap": "image/", "Mask": "image/"}
_RATE = re.compile(r"[1-9]\d{0,8}/[1-9]\d{0,8}", re.ASCII)
_TEXTS = {".json": "application/json", ".txt": "text/plain", ".edl": "text/plain", ".srt": "text/plain"}


@dataclass
class JobFolder:
    """The attempt's side of it."""

    attempt: str
    root: Path
    job: dict[str, Any]
    inputs: list[tuple[Path, str]]
    """The files that go in, and where the container sees them."""
    last_words: str = ""
    _result: dict[str, Any] | None = field(default=None)

    @property
    def out(self) -> Path:
        """The only folder that the container may write."""
        return self.root / "out"

    def mounts(self, options: Options) -> list[tuple[str, str, bool]]:
        """What the container sees: (here, there, read-only)."""
        seen = [(str(self.root / "job.json"), JOB, True), (str(self.out), OUT, False)]
        seen += [(str(path), there, True) for path, there in self.inputs]
        if options.model and options.models_folder is not None:
            seen.append((str(options.models_folder), MODELS, True))
        return seen

    def preview(self, name: str) -> Path | None:
        """A copy of a picture in the output folder that the container, still running, cannot change any more."""
        data = self._read(name, MAX_PREVIEW_BYTES)
        if data is None or media_type_of(data[:HEAD_BYTES]) not in PREVIEW_TYPES:
            return None
        copy = self.root / f"preview{Path(name).suffix[:8]}"
        copy.write_bytes(data)
        return copy

    def check_size(self, options: Options) -> None:
        """Raise PipelineError when the container has written more than it may."""
        total = sum(max(info.st_size, info.st_blocks * 512) for info in _all_below(self.out))
        if total > options.output_gb * GIB:
            raise PipelineError(f"The container wrote more than the {options.output_gb:g} GB it may")

    def error(self) -> tuple[str, str]:
        """Kind and message of the failure that the container tells in result.json; else "" and its last words."""
        told = self._told().get("error")
        if isinstance(told, dict):
            told = cast("dict[str, Any]", told)
            return str(told.get("kind") or "failed"), str(told.get("message") or "The container failed")[:MAX_WORDS]
        return "", self.last_words[-MAX_WORDS:]

    def collect(self, pipeline: Pipeline, options: Options) -> tuple[tuple[Output, ...], dict[str, str]]:
        """The files the container names (or `options.collect` matches), each examined, and its facts."""
        self.check_size(options)
        told = self._told()
        entries: Any = told.get("outputs")
        if not told and options.collect:
            entries = [{"path": name} for name in _matching(self.out, options.collect)]
        elif not told:
            raise PipelineError(
                f"{pipeline.label} ended well but left no readable result.json in {OUT}, and its definition names no "
                "files to collect"
            )
        if not isinstance(entries, list) or not entries:
            raise PipelineError(f"{pipeline.label} ended without an output{self._left(options)}")
        entries = cast("list[object]", entries)
        if len(entries) > MAX_OUTPUTS:
            raise PipelineError(f"{pipeline.label} names {len(entries)} outputs; {MAX_OUTPUTS} are the most")
        outputs = tuple(self._output(entry) for entry in entries)
        wanted = _KINDS.get(pipeline.output, "")
        if not outputs[0].media_type.startswith(wanted):
            raise PipelineError(
                f"{pipeline.label} should make {pipeline.output}, but {outputs[0].path.name} is {outputs[0].media_type}"
            )
        facts = told.get("facts")
        return outputs, _facts(cast("Mapping[object, object]", facts)) if isinstance(facts, Mapping) else {}

    def _left(self, options: Options) -> str:
        """What a command left instead of what its definition collects."""
        if not options.collect:
            return ""
        names = sorted(path.name for path in self.out.iterdir())[:MAX_NAMED]
        left = f"left {', '.join(name[:80] for name in names)}" if names else "wrote no file"
        return f": it {left}, and the definition collects {', '.join(options.collect)} from {OUT}"

    def _output(self, entry: object) -> Output:
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"path": entry}
        path = self._inside(fields.get("path"))
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        kind = media_type_of(head)
        if kind == UNKNOWN:
            kind = _text_type(path, head)
        width, height = _measured(path) if kind.startswith("image/") else (0, 0)
        return Output(
            path,
            kind,
            width=width or _whole(fields, "width"),
            height=height or _whole(fields, "height"),
            frames=_whole(fields, "frames"),
            rate=_rate(fields.get("rate")),
        )

    def _inside(self, name: object) -> Path:
        """A file in the output folder that is reached without any link; raises PipelineError."""
        wrong = PipelineError(f"The container named the output {str(name)[:120]!r}, which is no file of its own folder")
        pure = PurePosixPath(name) if isinstance(name, str) and name and "\0" not in name else None
        if pure is None or pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise wrong
        path = self.out
        for part in pure.parts:
            path /= part
            try:
                if path.is_symlink():
                    raise wrong
            except OSError as error:
                raise wrong from error
        if not path.is_file() or not path.stat().st_size:
            raise wrong
        return path

    def _told(self) -> dict[str, Any]:
        """What result.json says; empty when there is none that can be read."""
        if self._result is None:
            data = self._read("result.json", MAX_RESULT_BYTES)
            said: Any = None
            with suppress(ValueError, RecursionError):
                said = json.loads(data or b"")
            self._result = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        return self._result

    def _read(self, name: str, limit: int) -> bytes | None:
        """A file that lies right in the output folder, read without following any link, or None."""
        if not name or "/" in name or "\0" in name:
            return None
        try:
            handle = os.open(self.out / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            return file.read(limit) if stat.S_ISREG(info.st_mode) and 0 < info.st_size <= limit else None


def prepare(pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> JobFolder:
    """Lay out the attempt's scratch folder for a container."""
    inputs = {
        name: [(path, f"{INPUTS}/{name}/{index}{path.suffix}") for index, path in enumerate(paths)]
        for name, paths in context.inputs.items()
    }
    values = values_of(recipe, spec.options, {}, context.scratch.name)
    if values["left_out"]:
        context.log(f"The prompt is too long for this model; left out: {', '.join(values['left_out'])}")
    job = {
        "version": VERSION,
        "pipeline": pipeline.id,
        "pipeline_version": pipeline.version,
        **{name: recipe[name] for name in ("tier", "aspect_ratio", "palette") if name in recipe},
        **{name: values[name] for name in _BOUND},
        "negative_prompt": values["negative"],
        "inputs": {name: [there for _, there in files] for name, files in inputs.items()},
        "options": spec.options,
        "out": OUT,
    }
    folder = JobFolder(
        attempt=context.scratch.name,
        root=context.scratch,
        job=job,
        inputs=[file for files in inputs.values() for file in files],
    )
    folder.out.mkdir()
    # The scratch folder itself is closed to others; inside the container another user writes here.
    folder.out.chmod(0o777)
    (folder.root / "job.json").write_text(json.dumps(job, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder.root / "job.json").chmod(0o444)
    return folder


_BOUND = (
    "prompt",
    "parts",
    "seed",
    "width",
    "height",
    "fps",
    "frames",
    "parameters",
    "texts",
    "references",
    "loras",
)


def _all_below(folder: Path) -> Iterator[os.stat_result]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was removed meanwhile
                yield os.lstat(Path(place, name))


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    """Files by pattern, in the order of the patterns and then of their names."""
    found = [path.relative_to(folder).as_posix() for pattern in patterns for path in sorted(folder.glob(pattern))]
    return list(dict.fromkeys(found))


def _measured(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            return picture.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
        if media_type_of(path.open("rb").read(HEAD_BYTES)) == "image/x-exr":
            return 0, 0
        raise PipelineError(f"The output {path.name} is a picture that cannot be read") from error


def _text_type(path: Path, head: bytes) -> str:
    kind = _TEXTS.get(path.suffix.lower(), UNKNOWN)
    with suppress(UnicodeDecodeError):
        head[:-4].decode("utf-8")  # the last letter may be cut in two
        return kind
    return UNKNOWN


def _whole(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _rate(value: object) -> str:
    text = str(value or "")
    rate = text if "/" in text else f"{text}/1"
    return rate if _RATE.fullmatch(rate) else ""


def _facts(told: Mapping[object, object]) -> dict[str, str]:
    return {str(name)[:80]: str(value)[:500] for name, value in list(told.items())[:MAX_FACTS]}
