"""Runs a pipeline in a container of its own: no network, no rights, one folder to write in (P-001)."""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from pipelines.docker_options import Options, read_options
from pipelines.runners import docker_daemon, job_folder, owner
from pipelines.runners.docker_box import Box
from pipelines.runners.job_lines import Lines
from pipelines.spec import Pipeline, PipelineError, Recipe, Result, RunContext, TierSpec

LOOK_SECONDS = 0.2
"""How long nothing may be heard of a container before the attempt is asked whether it shall go on."""
OUR_IMAGES = "workprint/"
"""Images of this name are built, never pulled: nobody publishes them."""
SIZE_LOOK_SECONDS = 2.0


def ready(pipeline: Pipeline, spec: TierSpec) -> str:  # noqa: ARG001 - as every runner
    """What this node lacks to run that tier: a daemon, the image, a GPU, the weights, in that order."""
    options = read_options(spec)
    try:
        with docker_daemon.client() as daemon:
            image = docker_daemon.find_image(daemon, spec.entry)
            if image is None:
                return _missing_image(spec.entry, options)
            if spec.vram_gb > 0 and not docker_daemon.has_gpu(daemon):
                return "Docker reaches no GPU here. Install the NVIDIA driver and nvidia-container-toolkit."
    except docker_daemon.DaemonAway as error:
        return f"{error}."
    return _missing_weights(options)


def run(pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    """Run the tier's image to its end and return what it left in its folder, checked.

    Raises OutOfMemory, Transient (the daemon went away) and PipelineError; whatever happens, no container is left.
    """
    options = read_options(spec)
    folder = job_folder.prepare(pipeline, spec, recipe, context)
    with docker_daemon.told(), docker_daemon.client() as daemon:
        with suppress(PipelineError):  # what others left is no reason not to run
            _sweep(daemon, time.time())
        image = docker_daemon.find_image(daemon, spec.entry)
        if image is None:
            raise PipelineError(_missing_image(spec.entry, options).removesuffix("."))
        command = options.command_line(folder.job)
        with _container(daemon, image, options, folder, command, gpu=spec.vram_gb > 0) as box:
            _follow(box, options, folder, context)
            ending = box.ending()
    ending.raise_unless_well(options, folder.error(), pipeline.label)
    context.check()
    outputs, facts = folder.collect(pipeline, options)
    return Result(
        outputs, facts={**facts, "image": spec.entry, "image_digest": docker_daemon.digest(image), "image_id": image.id}
    )


def sweep(now: float | None = None) -> list[str]:
    """Remove containers whose attempt was killed; the names of those attempts. Nothing when Docker is away."""
    try:
        with docker_daemon.told(), docker_daemon.client() as daemon:
            return _sweep(daemon, time.time() if now is None else now)
    except PipelineError:  # it is away, or does not let go of one: the next sweep will do it
        return []


def _sweep(daemon: Any, now: float) -> list[str]:  # noqa: ANN401 - the Docker SDK has no types
    gone = [each for each in docker_daemon.containers(daemon) if owner.is_gone(each.labels, now)]
    for container in gone:
        docker_daemon.remove(container)
    return [container.labels[owner.ATTEMPT] for container in gone]


@contextmanager
def _container(
    daemon: Any,  # noqa: ANN401 - the Docker SDK has no types
    image: Any,  # noqa: ANN401 - as above
    options: Options,
    folder: job_folder.JobFolder,
    command: list[str] | None,
    *,
    gpu: bool,
) -> Generator[Box]:
    """A started container that is gone for certain when the block is left."""
    labels = owner.labels(folder.attempt, time.time() + options.seconds)
    box = Box.create(daemon, image, options, mounts=folder.mounts(options), labels=labels, command=command, gpu=gpu)
    try:
        box.start()
        yield box
    finally:
        box.remove()


def _follow(box: Box, options: Options, folder: job_folder.JobFolder, context: RunContext) -> None:
    """Hand on what the container says until it ends; raises when the attempt shall stop or a limit is passed."""
    lines = Lines(context, folder.preview, options.progress_pattern)
    until = time.monotonic() + options.seconds
    measured = time.monotonic()
    for chunk in box.chunks(LOOK_SECONDS):
        context.check()
        now = time.monotonic()
        if chunk is not None:
            lines.feed(*chunk)
        if now > until:
            raise PipelineError(f"The container took longer than its limit of {options.seconds:g} seconds")
        if now - measured > SIZE_LOOK_SECONDS:
            folder.check_size(options)
            measured = now
    lines.end()
    folder.last_words = lines.last_words()


def _missing_image(name: str, options: Options) -> str:
    if options.build:
        return f"The image {name} is not on this node. Build it there: docker build -t {name} {options.build}."
    if name.startswith(OUR_IMAGES):
        return f"The image {name} is not on this node, nor published: docs/pipelines.md shows how to make it."
    return (
        f"The image {name} is not on this node. Get it there: docker pull {name}, "
        f"or docker build -t {name} FOLDER where it is your own."
    )


def _missing_weights(options: Options) -> str:
    if not options.model:
        return ""
    if options.models_folder is None:
        return f"Set WORKPRINT_MODELS to the folder of model weights, which must hold {options.model}."
    if not (options.models_folder / options.model).is_dir():
        # Artists read this too: where the folder lies on this machine is not said.
        target = f"$WORKPRINT_MODELS/{options.model}"
        return f"The weights are missing. Get them: hf download {options.model} --local-dir {target}."
    return ""
