"""Runs several jobs with the container's own program in one process: python run_jobs.py FOLDER...

Each has a job.json. Importing torch takes longer than all the small models together; what a job printed lies in its
folder as `said`.
"""

import contextlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines" / "containers"))
sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines" / "containers" / "diffusers"))

from main import main
from workprint_runtime import run

for folder in map(Path, sys.argv[1:]):
    os.environ["WORKPRINT_JOB"] = str(folder / "job.json")
    with (folder / "said").open("w") as said, contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        run(main)
