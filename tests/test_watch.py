"""A test that hangs ends its process and with it the run, in minutes, and the terminal says where it stood."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPATIENT = """
from tests import conftest

conftest.SPARE_SECONDS = 4
"""
HANGS_AT_ITS_END = """
import asyncio
import time

async def test_waits_for_a_thread():
    await asyncio.to_thread(time.sleep, 600)
"""
HANGS_DEAF = """
import signal
import time

def test_does_not_hear_its_timeout():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("code", "where"), [(HANGS_AT_ITS_END, "pytest_runtest_teardown"), (HANGS_DEAF, "test_does_not_hear_its_timeout")]
)
def test_a_test_that_hangs_ends_the_run_and_is_shown(tmp_path: Path, code: str, where: str) -> None:
    (tmp_path / "impatient.py").write_text(IMPATIENT)
    (tmp_path / "test_hangs.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "--rootdir", str(tmp_path), "-c", os.devnull, "-n1", "--dist=loadfile"]
    options = ["--max-worker-restart=0", "-p", "tests.conftest", "-p", "impatient", "-o", "asyncio_mode=auto"]
    # Of the test itself: on a busy machine its second may be over before it has begun.
    limit = ["-o", "timeout=1", "-o", "timeout_func_only=true", "-W", "ignore", str(tmp_path)]
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = subprocess.run(
        [*command, *options, *limit],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "Timeout (0:00:0" in done.stderr
    assert where in done.stderr
    assert "crashed while running" in done.stdout
