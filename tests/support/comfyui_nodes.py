"""Node classes that a real ComfyUI loads from its folder custom_nodes when the tests of the runner are run against it.

The imitation in comfyui.py has the same classes, so that one test can be told by both; ComfyUI imports this file by
its path, and only it has `torch` and `comfy`.
"""

import time
from importlib import import_module
from typing import Any

from PIL import Image


class Slow:
    """Passes a picture on after a number of steps, with a progress bar and a preview at each, as a sampler does."""

    CATEGORY = "workprint"
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "work"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name for it
        steps = ("INT", {"default": 4, "min": 1, "max": 10_000})
        seconds = ("FLOAT", {"default": 0.05, "min": 0.0, "max": 10.0})
        return {"required": {"image": ("IMAGE",), "steps": steps, "step_seconds": seconds}}

    def work(self, image: Any, steps: int, step_seconds: float) -> tuple[Any]:
        management: Any = import_module("comfy.model_management")
        bar: Any = import_module("comfy.utils").ProgressBar(steps)
        for step in range(steps):
            management.throw_exception_if_processing_interrupted()
            time.sleep(step_seconds)
            picture = ("JPEG", Image.new("RGB", (64, 32), (step * 9 % 256, 0, 0)), 512)
            bar.update_absolute(step + 1, steps, picture)
        return (image,)


class Fails:
    """Fails in the way it is told: with an exception of its own, or as the card's memory does."""

    CATEGORY = "workprint"
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "work"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name for it
        return {"required": {"image": ("IMAGE",), "how": (["error", "memory"],)}}

    def work(self, image: Any, how: str) -> tuple[Any]:  # noqa: ARG002 - the input makes the node wait for it
        if how == "memory":
            raise import_module("torch").OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")
        raise ValueError("The probe was told to fail")


NODE_CLASS_MAPPINGS = {"WorkprintSlow": Slow, "WorkprintFails": Fails}
