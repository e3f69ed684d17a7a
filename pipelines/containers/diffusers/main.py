"""Runs one job of an image or video model in diffusers; `options` of the tier say which model, and how it is loaded."""

import os
from pathlib import Path

from calling import arguments_of
from loading import facts_of, load
from saving import save
from workprint_runtime import Job, run

MODELS = Path(os.environ.get("WORKPRINT_MODELS_IN_CONTAINER", "/models"))
LOADED_PERCENT, MADE_PERCENT = 15.0, 92.0


def main(job: Job) -> None:
    """Load the model, make what was asked, save it."""
    job.progress(0, "Loading the model")
    pipe = load(job, MODELS)
    for name, value in facts_of(pipe, MODELS / job.options["model"]).items():
        job.fact(name, value)
    job.progress(LOADED_PERCENT, "Reading the prompt")

    def tell(done: int, steps: int) -> None:
        job.progress(LOADED_PERCENT + (MADE_PERCENT - LOADED_PERCENT) * done / steps, f"Step {done} of {steps}")

    made = pipe(**arguments_of(job, pipe, tell))
    job.progress(MADE_PERCENT, "Saving")
    save(job, made)


if __name__ == "__main__":
    run(main)
