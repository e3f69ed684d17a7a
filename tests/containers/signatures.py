"""Prints what the pipelines of diffusers take, as JSON: run with the Python of .make/models.

python signatures.py CLASS...
"""

import inspect
import json
import sys

import diffusers

taken = {name: list(inspect.signature(getattr(diffusers, name).__call__).parameters) for name in sys.argv[1:]}
sys.stdout.write(json.dumps(taken) + "\n")
