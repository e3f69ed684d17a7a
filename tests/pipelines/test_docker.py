"""The Docker runner against a real daemon: what a container is told, what it may do, and how it ends."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.runners import docker, owner
from pipelines.spec import Cancelled, OutOfMemory, Pipeline, PipelineError, Result, TierSpec, Transient
from tests.support.docker import BUSYBOX, busybox_image, docker_client, docker_host
from tests.support.farm import wait_until
from tests.support.run_context import Attempt

pytestmark = pytest.mark.timeout(300)
COPY = "cp /job/inputs/source/0.png /job/out/made.png; "
DONE = COPY + """echo '{"outputs": [{"path": "made.png"}]}' > /job/out/result.json"""
WAIT = "while [ ! -e /job/out/go ]; do sleep 0.1; done; "
RECIPE = {
    "tier": "low",
    "width": 64,
    "height": 36,
    "seed": 7,
    "prompt": {"direct": "A door", "identity": "", "aesthetic": "neo-noir", "context": "A laundromat"},
    "negative_prompt": "blurry",
    "parameters": {"scale": 2, "fast": True},
}

Shell = Callable[..., Result]


@pytest.fixture(autouse=True)
def _daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    busybox_image()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "door.png"
    Image.new("RGB", (64, 36), "#336699").save(path)
    return path


@pytest.fixture
def attempt(tmp_path: Path, picture: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path / f"{os.getpid()}-{tmp_path.name[:40].replace('_', '-')}", {"source": (picture,)})
    yield made
    assert left_of(made) == [], "no container outlives its attempt"


@pytest.fixture
def shell(attempt: Attempt) -> Shell:
    """Run a shell script as the pipeline's container."""

    def run(script: str, to: Attempt = attempt, **options: Any) -> Result:
        return docker.run(*shell_pipeline(script, **options), RECIPE, to)

    return run


def shell_pipeline(script: str, *, output: Any = "Image", **options: Any) -> tuple[Pipeline, TierSpec]:
    return pipeline_of(BUSYBOX, output, {"command": ["/bin/sh", "-c", script], **options})


def pipeline_of(image: str, output: Any, options: dict[str, Any], vram_gb: float = 0) -> tuple[Pipeline, TierSpec]:
    spec = TierSpec("docker", image, vram_gb, 64, 1.0, options)
    pipeline = Pipeline(
        *("shell", "1.0", "0d5a4c0e-3c39-4b38-8d1f-6f3d2a9c1e99", "Shell", "A script.", output, (), ()),
        {"low": spec}, 0.0, "busybox", "GPL-2.0", "https://busybox.net",
    )  # fmt: skip
    return pipeline, spec


def left_of(attempt: Attempt) -> list[str]:
    mine = {"label": f"{owner.ATTEMPT}={attempt.scratch.name}"}
    found = docker_client().containers.list(all=True, filters=mine, ignore_removed=True)
    return [container.name for container in found]


def test_a_container_reads_its_job_and_its_result_is_measured(shell: Shell, attempt: Attempt) -> None:
    result = shell("cp /job/job.json /job/out/told.json; " + DONE)
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height) == ("image/png", 64, 36)
    assert output.path.is_relative_to(attempt.scratch)
    job = json.loads((attempt.scratch / "out" / "told.json").read_text())
    assert job["version"] == "job.1"
    assert job["prompt"] == "A door. A laundromat. Neo-noir."
    assert job["inputs"] == {"source": ["/job/inputs/source/0.png"]}
    assert (job["seed"], job["parameters"], job["out"]) == (7, {"scale": 2, "fast": True}, "/job/out")


def test_the_result_names_the_image_that_ran(shell: Shell) -> None:
    facts = shell(DONE).facts
    assert facts["image"] == BUSYBOX
    assert facts["image_digest"] == facts["image_id"] == busybox_image()
    assert facts["image_id"].startswith("sha256:")


def test_progress_previews_and_log_arrive_while_it_runs(shell: Shell, attempt: Attempt) -> None:
    going = attempt.scratch / "out" / "going"
    told = attempt.progress

    def let_it_go_on(percent: float, step: str) -> None:
        told(percent, step)
        going.unlink(missing_ok=True)

    attempt.progress = let_it_go_on  # pyright: ignore[reportAttributeAccessIssue] - listened to
    script = """
    touch /job/out/going
    echo '{"progress": 10, "step": "Loading"}'  # it waits until this was heard
    while [ -e /job/out/going ]; do sleep 0.05; done
    cp /job/inputs/source/0.png /job/out/preview.png
    echo '{"preview": "preview.png"}'
    echo '{"log": "a word for the log"}'
    echo '{"progress": 60.5, "step": "Denoising 3/5"}'
    echo 'and one on stderr' >&2
    """
    shell(script + DONE)
    assert attempt.steps == [(10, "Loading"), (60.5, "Denoising 3/5")]
    assert [data[:4] for data in attempt.previews] == [b"\x89PNG"]
    assert sorted(attempt.lines) == ["a word for the log", "and one on stderr"]


JUNK = [
    "{",
    "[]",
    '{"progress": "soon"}',
    '{"progress": NaN}',
    '{"progress": -4}',
    '{"progress": null}',
    '{"other": 1}',
    "{" * 4000,
    '{"preview": 3}',
    "\x1b[31mred",
]


def test_junk_on_stdout_is_only_a_log(shell: Shell, attempt: Attempt) -> None:
    shell(
        "; ".join(f"echo {shlex.quote(junk)}" for junk in JUNK)
        + "; printf 'no end of line'; printf '\\377\\376\\n' >&2; "
        + DONE
    )
    assert attempt.steps == []
    assert {"{", "[]", '{"other": 1}', "no end of line", "\ufffd\ufffd"} <= set(attempt.lines)


def test_progress_never_goes_backwards_nor_beyond_the_whole(shell: Shell, attempt: Attempt) -> None:
    shell("for n in 50 20 999; do echo '{\"progress\": '$n'}'; done; " + DONE)
    assert [percent for percent, _ in attempt.steps] == [50, 50, 100]


def test_a_flood_of_lines_is_shortened_and_does_not_hang(shell: Shell, attempt: Attempt) -> None:
    shell("seq 1 200000; " + DONE)
    assert "1" in attempt.lines
    assert len(attempt.lines) < 20_000
    left_out = sum(int(line.split()[0][1:]) for line in attempt.lines if line.endswith("a second)"))
    assert left_out + sum(line.isdigit() for line in attempt.lines) == 200_000, "what is not shown is counted"


def test_a_line_without_end_is_cut(shell: Shell, attempt: Attempt) -> None:
    shell("dd if=/dev/zero bs=1024 count=3000 2>/dev/null; " + DONE)
    assert all(len(line) <= 16 * 1024 for line in attempt.lines)


def test_a_missing_image_is_told_with_the_command_that_gets_it(attempt: Attempt) -> None:
    pulled = pipeline_of("studio/nowhere:7", "Image", {})
    assert (
        docker.ready(*pulled)
        == "The image studio/nowhere:7 is not on this node. Get it there: docker pull studio/nowhere:7, "
        "or docker build -t studio/nowhere:7 FOLDER where it is your own."
    )
    built = pipeline_of("studio/nowhere:7", "Image", {"build": "containers/nowhere"})
    assert docker.ready(*built).endswith("docker build -t studio/nowhere:7 containers/nowhere.")
    with pytest.raises(PipelineError, match="docker pull studio/nowhere:7"):
        docker.run(*pulled, RECIPE, attempt)


def test_a_node_without_docker_says_so(monkeypatch: pytest.MonkeyPatch, attempt: Attempt, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert docker.ready(*shell_pipeline("true")).startswith("Docker does not run here.")
    with pytest.raises(Transient, match="Docker does not run here"):
        docker.run(*shell_pipeline("true"), RECIPE, attempt)
    assert docker.sweep() == []


def test_where_docker_should_be_is_said_to_nobody_but_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    assert docker.ready(*shell_pipeline("true")) == "Docker does not answer here; the log of the farm node says more."


def test_a_pipeline_that_wants_a_gpu_is_not_ready_where_docker_has_none() -> None:
    assert "nvidia-container-toolkit" in docker.ready(*pipeline_of(BUSYBOX, "Image", {}, vram_gb=12))
    assert docker.ready(*pipeline_of(BUSYBOX, "Image", {})) == ""


def test_missing_weights_are_told_with_the_command_that_gets_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, attempt: Attempt
) -> None:
    wants = shell_pipeline("ls /models/studio/small/*; touch /models/no || true; " + DONE, model="studio/small")
    monkeypatch.delenv("WORKPRINT_MODELS", raising=False)
    assert docker.ready(*wants).startswith("Set WORKPRINT_MODELS")
    monkeypatch.setenv("WORKPRINT_MODELS", str(tmp_path / "models"))
    assert "hf download studio/small --local-dir $WORKPRINT_MODELS/studio/small" in docker.ready(*wants)
    assert str(tmp_path) not in docker.ready(*wants), "artists read it too"
    (tmp_path / "models/studio/small").mkdir(parents=True)
    (tmp_path / "models/studio/small/weights.bin").touch()
    assert docker.ready(*wants) == ""
    docker.run(*wants, RECIPE, attempt)
    assert "/models/studio/small/weights.bin" in attempt.lines
    assert any("Read-only" in line for line in attempt.lines), "weights are shared and cannot be changed"


def test_too_much_main_memory_is_out_of_memory(shell: Shell) -> None:
    with pytest.raises(OutOfMemory, match=r"more than 0\.06 GB"):
        shell("dd if=/dev/zero of=/dev/null bs=900M count=1", memory_gb=0.06)


@pytest.mark.parametrize(
    "words", ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "CUDA error: out of memory"]
)
def test_a_full_gpu_is_out_of_memory(shell: Shell, words: str) -> None:
    with pytest.raises(OutOfMemory, match="GPU memory"):
        shell(f"echo {shlex.quote(words)} >&2; exit 1")


def test_an_exit_code_is_told_with_the_last_words(shell: Shell) -> None:
    with pytest.raises(PipelineError, match="exit code 3: no such style") as caught:
        shell("echo 'no such style' >&2; exit 3")
    assert type(caught.value) is PipelineError


@pytest.mark.parametrize(
    ("kind", "error"), [("failed", PipelineError), ("transient", Transient), ("out_of_memory", OutOfMemory)]
)
def test_a_container_may_say_why_it_failed(shell: Shell, kind: str, error: type[PipelineError]) -> None:
    told = json.dumps({"error": {"kind": kind, "message": "The style needs a picture"}})
    with pytest.raises(error) as caught:
        shell(f"echo {shlex.quote(told)} > /job/out/result.json; exit 1")
    assert type(caught.value) is error
    assert kind == "out_of_memory" or str(caught.value) == "The style needs a picture"


def test_a_command_that_is_not_in_the_image_is_explained(attempt: Attempt) -> None:
    with pytest.raises(PipelineError, match=r"^The image has no program called no-such-program\. Correct"):
        docker.run(*pipeline_of(BUSYBOX, "Image", {"command": ["no-such-program"]}), RECIPE, attempt)


def test_a_container_that_takes_too_long_is_ended(shell: Shell) -> None:
    with pytest.raises(PipelineError, match="longer than its limit of 1 seconds"):
        shell("trap '' TERM; sleep 600", seconds=1)


def test_cancel_ends_a_stubborn_container_within_seconds(shell: Shell, attempt: Attempt) -> None:
    asked: list[float] = []

    def is_going() -> bool:
        if attempt.lines:
            asked.append(time.monotonic())
        return bool(attempt.lines)

    attempt.cancel_when = is_going
    with pytest.raises(Cancelled):
        shell("trap '' TERM INT; echo going; while true; do sleep 1; done")
    assert time.monotonic() - asked[0] < 60, "it was asked to stop, and waited for"
    assert left_of(attempt) == []


def test_a_container_killed_from_outside_may_be_tried_again(shell: Shell, attempt: Attempt) -> None:
    def kill() -> None:
        wait_until(lambda: attempt.lines)
        docker_client().containers.get(left_of(attempt)[0]).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(Transient, match="killed from outside"):
        shell("echo going; sleep 300")
    killer.join()


def test_there_is_no_network_unless_declared(shell: Shell, attempt: Attempt) -> None:
    shell("ls /sys/class/net; nc -w 1 1.1.1.1 80 </dev/null || true; " + DONE)
    assert "lo" in attempt.lines
    assert len([line for line in attempt.lines if "nc:" not in line]) == 1
    assert any("unreachable" in line for line in attempt.lines)


def test_a_container_has_no_rights(shell: Shell, attempt: Attempt) -> None:
    shell("id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; touch /here || true; touch /tmp/there; " + DONE)
    told = {line.split(":")[0]: line.split()[-1] for line in attempt.lines if "\t" in line}
    assert "65534" in attempt.lines
    assert told == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}
    assert any("Read-only file system" in line for line in attempt.lines)


def test_inputs_and_the_job_are_read_only(shell: Shell, attempt: Attempt, picture: Path) -> None:
    before = picture.read_bytes()
    shell("echo x > /job/inputs/source/0.png; rm -f /job/inputs/source/0.png; echo x > /job/job.json; " + DONE)
    assert picture.read_bytes() == before
    assert len([line for line in attempt.lines if "Read-only" in line or "denied" in line or "busy" in line]) >= 2


def test_a_fork_bomb_meets_its_limit(shell: Shell, attempt: Attempt) -> None:
    with pytest.raises(PipelineError):
        shell("n=0; while [ $n -lt 60 ]; do sleep 20 & n=$((n+1)); done; wait", pids=16, seconds=10)
    assert any("fork" in line for line in attempt.lines)


HOSTILE = {
    "a link to a file of the node": ("ln -s /etc/shadow /job/out/made.png", "made.png"),
    "a link that leads to an input": ("ln -s /job/job.json /job/out/made.png", "made.png"),
    "a folder that is a link": ("ln -s /etc /job/out/etc", "etc/passwd"),
    "a path upwards": ("true", "../job.json"),
    "an absolute path": ("true", "/etc/passwd"),
    "a folder": ("mkdir /job/out/made.png", "made.png"),
    "a pipe": ("mkfifo /job/out/made.png", "made.png"),
    "an empty file": ("touch /job/out/made.png", "made.png"),
    "nothing": ("true", "made.png"),
    "a name with a zero": ("true", "a\\u0000b"),
    "an endless name": ("true", "a" * 5000),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_output_is_refused(shell: Shell, what: str) -> None:
    script, path = HOSTILE[what]
    with pytest.raises(PipelineError, match="no file of its own folder"):
        shell(f"""{script}; echo '{{"outputs": [{{"path": "{path}"}}]}}' > /job/out/result.json""")


@pytest.mark.parametrize(
    "told", ["", "{", "[1]", "null", '{"outputs": 4}', '{"outputs": []}', "[" * 100_000, '{"outputs": [[]]}']
)
def test_a_strange_result_is_refused(shell: Shell, told: str) -> None:
    with pytest.raises(PipelineError):
        shell(f"printf %s {shlex.quote(told)} > /job/out/result.json")


def test_a_result_that_is_a_link_is_not_read(shell: Shell) -> None:
    with pytest.raises(PipelineError, match=r"no readable result\.json"):
        shell('echo \'{"outputs": ["x.png"]}\' > /job/out/x.json; ln -s x.json /job/out/result.json')


def test_a_huge_output_is_refused_before_it_is_read(shell: Shell) -> None:
    with pytest.raises(PipelineError, match=r"more than the 0\.01 GB"):
        shell("truncate -s 900000000000 /job/out/sparse.bin; " + DONE, output_gb=0.01)


def test_a_container_that_fills_the_disk_is_ended_while_it_runs(shell: Shell) -> None:
    with pytest.raises(PipelineError, match=r"more than the 0\.005 GB"):
        shell(
            "while true; do dd if=/dev/zero bs=1M count=1 >> /job/out/big 2>/dev/null; sleep 0.05; done",
            output_gb=0.005,
        )


def test_a_picture_that_is_none_is_refused(shell: Shell) -> None:
    with pytest.raises(PipelineError, match=r"should make Image, but made\.png is application/octet-stream"):
        shell("""echo '#!/bin/sh' > /job/out/made.png; echo '{"outputs": ["made.png"]}' > /job/out/result.json""")


def test_a_picture_is_no_film(shell: Shell) -> None:
    with pytest.raises(PipelineError, match=r"should make Video, but made\.png is image/png"):
        shell(DONE, output="Video")


@pytest.mark.parametrize(
    "script",
    [
        "ln -s /job/job.json /job/out/p.png",
        "ln -s /etc/hostname /job/out/p.png",
        "echo no picture > /job/out/p.png",
        "mkfifo /job/out/p.png",
        "truncate -s 90000000 /job/out/p.png",
        "true",
    ],
)
def test_a_hostile_preview_is_not_shown(shell: Shell, attempt: Attempt, script: str) -> None:
    shell(f"""{script}; echo '{{"preview": "p.png"}}'; echo '{{"preview": "../job.json"}}'; """ + DONE)
    assert attempt.previews == []
    assert len([line for line in attempt.lines if "no small picture" in line]) == 2


def test_four_run_at_once(tmp_path: Path, picture: Path) -> None:
    attempts = [Attempt(tmp_path / f"{os.getpid()}-parallel-{n}", {"source": (picture,)}) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(docker.run, *shell_pipeline(WAIT + DONE), RECIPE, attempt) for attempt in attempts]
        wait_until(lambda: sum(len(left_of(attempt)) for attempt in attempts) == 4, 120)
        for attempt in attempts:
            (attempt.scratch / "out" / "go").touch()
        assert [len(done.result().outputs) for done in results] == [1, 1, 1, 1]
    assert [left_of(attempt) for attempt in attempts] == [[], [], [], []]


ORPHAN = """
import sys
from pathlib import Path
from pipelines.runners import docker
from tests.pipelines.test_docker import RECIPE, shell_pipeline
from tests.support.run_context import Attempt
docker.run(*shell_pipeline("sleep 300"), RECIPE, Attempt(Path(sys.argv[1])))
"""


@contextmanager
def orphaned(orphan: Attempt) -> Generator[None]:
    """An attempt whose process lives within the block and is killed at its end."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", ORPHAN, str(orphan.scratch)], env=environment)
    try:
        wait_until(lambda: left_of(orphan))
        yield
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_attempt_left_is_gone_when_the_next_one_runs(
    tmp_path: Path, attempt: Attempt, shell: Shell
) -> None:
    orphan = Attempt(tmp_path / "1-orphan")
    with orphaned(orphan):
        pass
    seen: list[list[str]] = []
    attempt.log = lambda _: seen.append(left_of(orphan))  # pyright: ignore[reportAttributeAccessIssue] - listened to
    shell("echo hello; " + DONE)
    assert seen == [[]]


def test_what_a_killed_attempt_left_is_swept_and_nothing_else(tmp_path: Path, attempt: Attempt, shell: Shell) -> None:
    orphan = Attempt(tmp_path / "1-orphan")
    mine = threading.Thread(target=shell, args=(WAIT + DONE,))
    mine.start()
    wait_until(lambda: left_of(attempt))
    with orphaned(orphan):
        assert docker.sweep() == [], "its process lives"
    assert docker.sweep() == ["1-orphan"]
    assert left_of(orphan) == []
    assert left_of(attempt), "the living are left alone"
    (attempt.scratch / "out" / "go").touch()
    mine.join()


def test_what_is_long_past_its_time_is_swept_whoever_it_belonged_to() -> None:
    labels = {**owner.labels("a", until=1000.0), "workprint.host": "another"}
    assert not owner.is_gone(labels, now=1000.0)
    assert owner.is_gone(labels, now=1000.0 + owner.GRACE_SECONDS + 1)


def test_a_command_line_gets_its_values_and_its_files_are_collected(attempt: Attempt) -> None:
    command = ["/bin/sh", "-c", 'echo "$@"; cp "$1" "$2/x-1.png"; cp "$1" "$2/x-2.png"; echo "12% of it"', "model"]
    command += ["{inputs.source}", "{out}", "--scale={parameters.scale}", "{parameters.fast}", "{prompt}"]
    options = {"command": command, "collect": ["x-*.png"], "progress": "([0-9]+)% of"}
    result = docker.run(*pipeline_of(BUSYBOX, "Image", options), RECIPE, attempt)
    assert [output.path.name for output in result.outputs] == ["x-1.png", "x-2.png"]
    assert attempt.lines[0] == "/job/inputs/source/0.png /job/out --scale=2 true A door. A laundromat. Neo-noir."
    assert attempt.steps == [(12, "12% of it")]


def test_a_command_line_that_names_what_there_is_not_is_refused(attempt: Attempt) -> None:
    with pytest.raises(PipelineError, match=r"\{parameters.size\}"):
        docker.run(*pipeline_of(BUSYBOX, "Image", {"command": ["cp", "{parameters.size}"]}), RECIPE, attempt)
    assert left_of(attempt) == []


BAD_OPTIONS: list[dict[str, Any]] = [
    {"memory_gb": 0},
    {"memory_gb": "8"},
    {"pids": 1.5},
    {"network": 1},
    {"command": [1]},
    {"collect": ["../*"]},
    {"collect": ["/etc/*"]},
    {"progress": "("},
    {"progress": "[0-9]+%"},
    {"environment": {"A": 1}},
]


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_an_option_that_means_nothing_is_refused_by_name(options: dict[str, Any], attempt: Attempt) -> None:
    (name,) = options
    with pytest.raises(PipelineError, match=f"options.{name}"):
        docker.run(*pipeline_of(BUSYBOX, "Image", options), RECIPE, attempt)
