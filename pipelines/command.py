"""`workprint pipeline new|check|run`: make a pipeline, examine it, run it here without a hub."""

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from crdt_schema.records import Tier
from pipelines import registry, scaffold
from pipelines import run as runs
from pipelines.spec import Cancelled, Param, Pipeline, PipelineError, Result

TIERS: tuple[Tier, ...] = get_args(Tier)
STOPPED = 130
FILES = (".toml", ".json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0 well, 1 not, 130 stopped by Ctrl-C."""
    given = parser().parse_args(arguments)
    try:
        match given.action:
            case "new":
                return new(given)
            case "check":
                return check(given)
            case _:
                return run(given)
    except Cancelled:
        _say("Stopped; nothing is left running.", sys.stderr)
        return STOPPED
    except (PipelineError, registry.BadCatalog) as error:
        _say(f"workprint: {error}", sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(prog="workprint pipeline", description="Make, examine and run pipelines.")
    actions = root.add_subparsers(dest="action", required=True, metavar="ACTION")
    making = actions.add_parser("new", help="write a definition, and a container for the docker runner")
    making.add_argument("name", help="its id: a-z, 0-9, dots and dashes")
    making.add_argument("--task", default="generate-image", choices=tuple(scaffold.TASKS))
    making.add_argument("--runner", default="docker", choices=scaffold.RUNNERS)
    making.add_argument("--image", default="", help="docker: the image (default: workprint/NAME:1)")
    making.add_argument("--command", default="", help="docker: how to call the model in an image that is not ours")
    making.add_argument("--collect", default="result.*", help="with --command: which files in {out} are the result")
    making.add_argument("--to", type=Path, help="folder (default: the workspace's Library/Pipeline_Templates)")
    checking = actions.add_parser("check", help="say what is wrong with definitions, and what this machine lacks")
    checking.add_argument("what", nargs="?", default="", help="a file, a folder or an id (default: all of them)")
    running = actions.add_parser("run", help="run one here, without a hub")
    running.add_argument("what", help="an id, or a definition file")
    running.add_argument("--prompt", default="", help="the artist's words")
    running.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    running.add_argument("--input", action="append", default=[], metavar="NAME=FILE", help="a file for an input")
    running.add_argument("--tier", choices=TIERS, help="default: the lowest it has")
    running.add_argument("--size", default="", metavar="WxH", help="default: 16:9 at the tier's long edge")
    running.add_argument("--seed", type=int, default=0)
    running.add_argument("--out", type=Path, default=Path(), help="where the results go (default: here)")
    return root


def new(given: argparse.Namespace) -> int:
    """Write a pipeline's files and say what comes next."""
    registry.must_be_free("id", given.name, "new")
    try:
        command = tuple(shlex.split(given.command))
    except ValueError as error:
        raise PipelineError(f"--command: {error}; write it as for a shell") from error
    wish = scaffold.Wish(given.name, given.task, given.runner, given.image, command, given.collect)
    made = scaffold.write(wish, given.to or templates())
    for path in made:
        _say(f"wrote {path}")
    if len(made) > 1:
        _say(f"Next: docker build -t {scaffold.image_of(wish)} {made[1].parent}")
    _say(f"Next: workprint pipeline check {made[0]}")
    return 0


def check(given: argparse.Namespace) -> int:
    """Print one line per definition: what is wrong, else what this machine lacks to run it."""
    paths = list(_definitions(given.what))
    wrong = 0
    seen: dict[tuple[str, str], Path] = {}
    for path in paths:
        try:
            pipeline = own(path)
            field, twin = _twin(pipeline, path, seen)
        except registry.BadCatalog as error:
            wrong += 1
            _say(f"wrong  {error}")
            continue
        if twin != path:
            wrong += 1
            help_ = "; `python -m uuid` makes one" if field == "uuid" else ""
            _say(f"wrong  {path.name}: {field}: {twin.name} has the same{help_}")
            continue
        lacks = {tier: runs.ready(pipeline, tier) for tier in pipeline.tiers}
        _say(f"well   {pipeline.id} {pipeline.version}: {pipeline.label}, makes {pipeline.output}")
        for tier, lack in lacks.items():
            _say(f"         {tier}: {'can run here' if not lack else f'cannot run here. {lack}'}")
    _say(f"{len(paths)} definitions, {wrong} wrong." if wrong else f"{len(paths)} definitions, all well.")
    return 1 if wrong else 0


def _twin(pipeline: Pipeline, path: Path, seen: dict[tuple[str, str], Path]) -> tuple[str, Path]:
    """The field that another of the files has too, and that file; the file itself where there is none."""
    for name in ("id", "uuid"):
        if (twin := seen.setdefault((name, getattr(pipeline, name)), path)) != path:
            return name, twin
    return "", path


def run(given: argparse.Namespace) -> int:
    """Run a pipeline on this machine and copy what it made."""
    pipeline = find(given.what)
    tier: Tier = given.tier or next(tier for tier in TIERS if tier in pipeline.tiers)
    inputs = _inputs(pipeline, given.input)
    recipe = recipe_of(pipeline, tier, given)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-") as scratch:
        context = Here(Path(scratch), inputs)
        before = signal.signal(signal.SIGINT, context.stop)
        try:
            result = runs.run_pipeline(pipeline, tier, recipe, context)
        finally:
            signal.signal(signal.SIGINT, before)
        context.end()
        _deliver(result, given.out)
    return 0


@dataclass
class Here:
    """The run context of a pipeline that is run from the command line."""

    scratch: Path
    inputs: Mapping[str, tuple[Path, ...]]
    stopped: bool = field(default=False)
    _open_line: bool = field(default=False)

    def stop(self, *_: object) -> None:
        """Ctrl-C: end at the next occasion."""
        self.stopped = True

    def check(self) -> None:
        """RunContext: raise when Ctrl-C was pressed."""
        if self.stopped:
            raise Cancelled("Stopped")

    def progress(self, percent: float, step: str) -> None:
        """RunContext: one line that is written over on a terminal, else a line each."""
        self.check()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{percent:3.0f} %  {step}")
            self._open_line = True
        else:
            sys.stderr.write(f"{percent:3.0f} %  {step}\n")
        sys.stderr.flush()

    def log(self, line: str) -> None:
        """RunContext: a line of the log."""
        self.end()
        _say(f"       {line}", sys.stderr)

    def preview(self, path: Path) -> None:
        """RunContext: only that there is one."""
        self.log(f"(a preview, {path.stat().st_size} bytes)")

    def end(self) -> None:
        """Close the line of the progress."""
        if self._open_line:
            sys.stderr.write("\n")
            self._open_line = False


def templates() -> Path:
    """The folder of this workspace's own definitions."""
    return Path(os.environ.get("WORKSPACE_ROOT", "Generative_Studio_Workspace")) / scaffold.TEMPLATES


def find(what: str) -> Pipeline:
    """The pipeline of a file or an id, the workspace's own before those that come with Workprint."""
    path = Path(what)
    if path.suffix in FILES:
        return own(path)
    template = templates() / f"{what.partition(':')[0]}.toml"
    return own(template) if template.is_file() else registry.get(what)


def own(path: Path) -> Pipeline:
    """What a definition says, if a studio would take it: none may stand in for one that comes with Workprint."""
    pipeline = registry.read_definition(path)
    if path.resolve().parent != registry.CATALOG:
        for field in ("id", "uuid"):
            registry.must_be_free(field, getattr(pipeline, field), path.name)
        registry.must_use_our_steps(pipeline, path.name)
    return pipeline


def recipe_of(pipeline: Pipeline, tier: Tier, given: argparse.Namespace) -> dict[str, Any]:
    """What a shot's recipe would be, from the command line."""
    width, height = _size(given.size, pipeline.tier(tier).long_edge_px)
    params = {param.name: param for param in pipeline.params}
    values = dict(_pairs(given.param, "--param"))
    unknown = [name for name in values if name not in params]
    if unknown:
        raise PipelineError(f"{pipeline.label} has no parameter {unknown[0]}; it has {', '.join(params) or 'none'}")
    return {
        "version": "recipe.1",
        "pipeline": pipeline.id,
        "pipeline_version": pipeline.version,
        "tier": tier,
        "width": width,
        "height": height,
        "aspect_ratio": f"{width}:{height}",
        "prompt": {"direct": given.prompt, "identity": "", "aesthetic": "", "context": ""},
        "negative_prompt": "",
        "seed": given.seed,
        "parameters": {name: _typed(params[name], text) for name, text in values.items()},
        "palette": [],
    }


def _definitions(what: str) -> Iterable[Path]:
    """The files that `check` shall read."""
    path = Path(what)
    if not what:
        return [*registry.definitions(registry.CATALOG), *registry.definitions(templates())]
    if path.suffix in FILES and path.exists():
        return [path]
    for folder in (templates(), registry.CATALOG):
        if (folder / f"{what}.toml").is_file():
            return [folder / f"{what}.toml"]
    if found := registry.definitions(path):
        return found
    raise PipelineError(
        f"There is no pipeline, definition (a file that ends in .toml or .json) or folder of such called {what}; "
        f"those of this workspace lie in {templates()}"
    )


def _inputs(pipeline: Pipeline, pairs: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    names = [each.name for each in pipeline.inputs if each.types != ("String",)]
    inputs: dict[str, tuple[Path, ...]] = {}
    for name, text in _pairs(pairs, "--input"):
        path = Path(text)
        if name not in names:
            raise PipelineError(f"{pipeline.label} has no input {name} for a file; it has {', '.join(names) or 'none'}")
        if not path.is_file():
            raise PipelineError(f"{path} is no file")
        inputs[name] = (*inputs.get(name, ()), path.resolve())
    missing = [
        each.label for each in pipeline.inputs if each.required and each.name in names and each.name not in inputs
    ]
    if missing:
        raise PipelineError(f"{pipeline.label} needs {', '.join(missing)}; give it with --input NAME=FILE")
    return inputs


def _pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    for text in texts:
        if "=" not in text:
            raise PipelineError(f"{option} {text}: write it as NAME=VALUE")
    return [cast("tuple[str, str]", tuple(text.split("=", 1))) for text in texts]


def _typed(param: Param, text: str) -> object:
    """A parameter's value as its type wants it; what cannot be read so is left for the check to refuse."""
    try:
        match param.type:
            case "integer" | "float":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}.get(text.lower(), text)
            case "palette":
                return [colour for colour in text.split(",") if colour]
            case _:
                return text
    except ValueError:
        return text


def _size(text: str, long_edge_px: int) -> tuple[int, int]:
    if not text:
        return long_edge_px, round(long_edge_px * 9 / 32) * 2
    width, _, height = text.partition("x")
    if not width.isdigit() or not height.isdigit() or not int(width) or not int(height):
        raise PipelineError(f"--size {text}: write it as 1024x576")
    return int(width), int(height)


def _deliver(result: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for output in result.outputs:
        target = folder / output.path.name
        shutil.copy(output.path, target)
        size = f", {output.width}x{output.height}" if output.width else ""
        _say(f"{target}  {output.media_type}{size}, {target.stat().st_size} bytes")
    for name, value in result.facts.items():
        _say(f"{name}: {value}")


def _say(line: str, stream: Any = None) -> None:  # noqa: ANN401 - a text stream; sys.stdout as it is at the call
    (stream or sys.stdout).write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
