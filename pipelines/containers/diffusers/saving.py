"""Saves what a pipeline of diffusers returned: pictures as PNG, frames as an H.264 film."""

from fractions import Fraction
from typing import Any

import imageio_ffmpeg
from PIL import Image
from workprint_runtime import Failed, Job


def save(job: Job, made: Any) -> None:
    """Write the files and name them as results."""
    films = getattr(made, "frames", None)
    if films is not None:
        save_film(job, films[0])
        return
    for index, picture in enumerate(made.images):
        name = f"result-{index + 1}.png" if index else "result.png"
        picture.convert("RGB").save(job.file(name))
        job.result(name, width=picture.width, height=picture.height)


def save_film(job: Job, frames: list[Image.Image]) -> None:
    """An MP4 that every browser plays; H.264 with 4:2:0 wants even sides."""
    if not frames:
        raise Failed("The model returned no frames.")
    rate = Fraction(str(job.told.get("fps") or 24)).limit_denominator(1001)
    width, height = (side - side % 2 for side in frames[0].size)
    writer = imageio_ffmpeg.write_frames(
        str(job.file("result.mp4")),
        (width, height),
        fps=float(rate),
        codec="libx264",
        macro_block_size=1,
        output_params=["-crf", "16", "-movflags", "+faststart", "-preset", "slow"],
    )
    writer.send(None)
    for frame in frames:
        writer.send(frame.convert("RGB").crop((0, 0, width, height)).tobytes())
    writer.close()
    job.result(
        "result.mp4",
        frames=len(frames),
        rate=f"{rate.numerator}/{rate.denominator}",
        width=width,
        height=height,
    )
