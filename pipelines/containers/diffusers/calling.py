"""Turns a job into the arguments of a pipeline's call: those that the pipeline has, and no others.

The tier's option `arguments` adds to the table here or changes it: { image = "inputs.source", num_frames = "frames" }.
What begins with `inputs.` is opened as a picture, or as the frames of a film; `area_px` is width times height; what
has no value is left out.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import torch
from PIL import Image
from workprint_runtime import Failed, Job

ARGUMENTS = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "num_frames": "frames",
    "frame_rate": "fps",
    "num_inference_steps": "parameters.steps",
    "guidance_scale": "parameters.guidance",
    "strength": "parameters.strength",
    "image": "inputs.source",
}
FILMS = (".mp4", ".mov", ".webm", ".mkv")
PREVIEW_PX = 384


def arguments_of(job: Job, pipe: Any, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """What to call the pipeline with."""
    accepted = inspect.signature(pipe.__call__).parameters
    table: Mapping[str, str] = {**ARGUMENTS, **job.options.get("arguments", {})}
    given = {name: value_of(job, path) for name, path in table.items() if name in accepted}
    arguments = {name: value for name, value in given.items() if value is False or value not in (None, "", 0)}
    for path in job.options.get("arguments", {}).values():
        if path.startswith("inputs."):
            job.input(path.removeprefix("inputs."))  # what a definition names is not left out silently
    # On the CPU, so that a seed means the same on every card.
    arguments["generator"] = torch.Generator("cpu").manual_seed(job.seed)
    arguments["output_type"] = "pil"
    steps = int(arguments.get("num_inference_steps") or accepted["num_inference_steps"].default)
    if "callback_on_step_end" in accepted:
        arguments["callback_on_step_end"] = told_steps(job, tell, steps)
    return arguments


def value_of(job: Job, path: str) -> Any:
    """What a path of the job means, as a model wants it; None when there is nothing."""
    if path == "area_px":
        return job.width * job.height
    if path.startswith("inputs."):
        files = job.inputs.get(path.removeprefix("inputs."), [])
        return opened(files[0], job) if files else None
    value: Any = job.told
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def opened(path: Path, job: Job) -> Any:
    """A picture, or the frames of a film, in the job's size."""
    size = (job.width, job.height)
    if path.suffix.lower() not in FILMS:
        with Image.open(path) as picture:
            return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
    film_size = next(reader)["size"]
    frames = [Image.frombytes("RGB", film_size, frame).resize(size, Image.Resampling.LANCZOS) for frame in reader]
    if not frames:
        raise Failed("The joined film has no frames that can be read.")
    return frames


def told_steps(job: Job, tell: Callable[[int, int], None], steps: int) -> Callable[..., dict[str, Any]]:
    """The callback of diffusers after each step: the bar, and a preview as often as the tier's options say."""
    every = int(job.options.get("preview_every", 0))

    def ended(pipe: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        tell(min(step + 1, steps), steps)
        if every and (step + 1) % every == 0 and step + 1 < steps:
            preview(job, pipe, tensors.get("latents"))
        return tensors

    return ended


def preview(job: Job, pipe: Any, latents: Any) -> None:
    """Show the latents of an image model as a small picture; those of other models are not laid out as pictures."""
    if latents is None or latents.ndim != 4 or not hasattr(pipe, "image_processor"):  # noqa: PLR2004 - batch, channels, height, width
        return
    with torch.no_grad():
        decoded = pipe.vae.decode(latents[:1] / pipe.vae.config.scaling_factor, return_dict=False)[0]
    (picture,) = pipe.image_processor.postprocess(decoded, output_type="pil")
    picture.thumbnail((PREVIEW_PX, PREVIEW_PX))
    picture.convert("RGB").save(job.file("preview.jpg"), quality=80)
    job.preview("preview.jpg")
