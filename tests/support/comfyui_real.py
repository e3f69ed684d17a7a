"""A real ComfyUI for the tests of the runner, where WORKPRINT_TEST_COMFYUI says that there is one."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests.support import comfyui_nodes
from tests.support.ports import free_port

HOME, PYTHON = os.environ.get("WORKPRINT_TEST_COMFYUI", ""), os.environ.get("WORKPRINT_TEST_COMFYUI_PYTHON", "")
CHECKPOINT = "sd15.safetensors"
START_SECONDS = 120


class Real:
    """The server on the CPU, with folders of its own and the nodes of comfyui_nodes.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        nodes, models = folder / "custom_nodes", folder / "models" / "checkpoints"
        for each in (nodes, models):
            each.mkdir(parents=True)
        shutil.copy(str(comfyui_nodes.__file__), nodes / "workprint_probe.py")
        (models / CHECKPOINT).touch()
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._start()

    def _start(self) -> None:
        options = ("--cpu", "--port", str(self._port), "--base-directory", str(self.folder))
        database = f"sqlite:///{self.folder / 'comfyui.db'}"
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [PYTHON, "main.py", *options, "--database-url", database, "--listen", "127.0.0.1"],
                cwd=HOME,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.url}/queue", timeout=1):
                return
            time.sleep(0.2)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def restart(self) -> None:
        """Die and come back with nothing in mind but the files."""
        self.close()
        self._start()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
