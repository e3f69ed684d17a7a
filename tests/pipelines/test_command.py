"""`workprint pipeline new|check|run`, as a TD types it."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipelines import registry, scaffold
from pipelines.command import main, templates
from tests.support.docker import BUSYBOX, busybox_image, docker_client, docker_host

Type = Callable[..., tuple[int, str]]
pytestmark = pytest.mark.timeout(300)  # a daemon and its image are made first
GOOD = scaffold.Wish("blur", "edit-image", "docker", BUSYBOX, ("cp", "{inputs.source}", "{out}/result.png"))


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Type a command in an empty workspace: its exit status and what it printed."""
    monkeypatch.setenv("WORKSPACE_ROOT", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return typed


@pytest.mark.parametrize("runner", scaffold.RUNNERS)
@pytest.mark.parametrize("task", scaffold.TASKS)
def test_what_new_writes_is_well_formed(tmp_path: Path, runner: str, task: str) -> None:
    made = scaffold.write(scaffold.Wish("my-model.2", task, runner), tmp_path)
    pipeline = registry.parse(tomllib.loads(made[0].read_text()))
    assert (pipeline.id, pipeline.task, pipeline.output) == ("my-model.2", task, scaffold.TASKS[task])
    assert pipeline.runner("low") == runner
    assert (tmp_path / "my-model.2" / "Dockerfile").exists() == (runner == "docker")


def test_every_new_pipeline_has_a_uuid_of_its_own(tmp_path: Path) -> None:
    made = [scaffold.write(scaffold.Wish(name), tmp_path)[0] for name in ("one", "two")]
    assert len({registry.parse(tomllib.loads(path.read_text())).uuid for path in made}) == 2
    registry.read_catalog(tmp_path)


def test_new_overwrites_nothing(say: Type) -> None:
    assert say("new", "blur")[0] == 0
    before = (templates() / "blur.toml").read_bytes()
    status, words = say("new", "blur")
    assert (status, (templates() / "blur.toml").read_bytes()) == (1, before)
    assert "exists" in words


@pytest.mark.parametrize("name", ["../up", "Blur", "a/b", "", ".hidden", "a b"])
def test_a_name_that_is_none_is_refused(say: Type, name: str) -> None:
    status, words = say("new", name)
    assert (status, "no name for a pipeline" in words) == (1, True)
    assert not templates().exists()


def test_a_name_that_workprint_uses_itself_is_refused_before_anything_is_written(say: Type) -> None:
    status, words = say("new", "faceswap-reactor")
    assert (status, "ReActor face swap, which comes with Workprint, has it" in words) == (1, True), words
    assert not templates().exists()


def test_a_file_that_stands_in_for_a_pipeline_of_workprint_is_wrong_and_does_not_run(say: Type) -> None:
    templates().mkdir(parents=True)
    text = (registry.CATALOG / "faceswap-reactor.toml").read_text().replace("sfw_gate = true", "sfw_gate = false")
    (templates() / "faceswap-reactor.toml").write_text(text)
    for action in ("check", "run"):
        status, words = say(action, "faceswap-reactor")
        assert (status, "faceswap-reactor.toml: id: ReActor face swap, which comes" in words) == (1, True), words


WRONG = {
    'output = "Image"': ('output = "Picture"', "blur.toml: output: 'Picture'"),
    "default = 0.5": ("default = 7", "blur.toml: params.strength.default: "),
    "memory_gb = 8": ("memory_gb = 0", "blur.toml: tiers.low: options.memory_gb: must be more than 0"),
    'version = "1.0.0"': ("", "blur.toml: version"),
    'runner = "docker"': ('runner = "dokcer"', "blur.toml: tiers.low.runner: 'dokcer' is none of local"),
    "[[params]]": ("[[parms]]", "blur.toml: unknown fields: parms (for params?)"),
    "vram_gb = 0 ": (
        'vram_gb = "12 GB" ',
        "blur.toml: tiers.low.vram_gb: a number of at least 0 is missing; '12 GB' is none, write it without quotes",
    ),
    'types = ["String"]': (
        'types = "String"',
        'blur.toml: inputs.prompt.types: a list is missing; for one entry write ["String"]',
    ),
    "label = ": ("label = 7 #", "blur.toml: label: 7 is no text; write it in quotes"),
    'command = ["cp", "{inputs.source}"': (
        'command = ["cp", "{inputs.sauce}"',
        "blur.toml: tiers.low: options.command: there is no {inputs.sauce} here; there are {fps}, {frames}, {height}, ",
    ),
    'needs = "a farm node with Docker"': (
        "needs = Docker",
        "blur.toml: is no TOML: Invalid value (at line 10, column 9). The line is: needs = Docker",
    ),
    "# A pipeline": ("\ufeff", "blur.toml: is no TOML"),
    "id = ": ("id == ", "blur.toml: is no TOML"),
}  # fmt: skip


@pytest.mark.parametrize("right", WRONG)
def test_check_names_the_file_and_the_field(say: Type, right: str) -> None:
    (path,) = scaffold.write(GOOD, templates())
    wrong, words = WRONG[right]
    path.write_text(path.read_text().replace(right, wrong, 1))
    status, told = say("check", "blur")
    assert (status, f"wrong  {words}" in told) == (1, True), told


def test_check_tells_two_files_with_the_same_uuid(say: Type) -> None:
    (path,) = scaffold.write(GOOD, templates())
    (templates() / "copy.toml").write_text(path.read_text().replace('id = "blur"', 'id = "copy"'))
    status, told = say("check", str(templates()))
    assert (status, "copy.toml: uuid: blur.toml has the same" in told) == (1, True), told


def test_check_says_no_wherever_a_studio_does(say: Type) -> None:
    (path,) = scaffold.write(GOOD, templates())
    (templates() / "copy.toml").write_text(path.read_text().replace(path.read_text().split('uuid = "')[1][:8], "0" * 8))
    own_code = (registry.CATALOG / "previz-image.toml").read_text()
    own_code = re.sub(r'^id = ".*"', 'id = "mine"', own_code, flags=re.MULTILINE)
    own_code = re.sub(r'^uuid = "........', 'uuid = "11111111', own_code, flags=re.MULTILINE)
    (templates() / "ours.toml").write_text(own_code)
    (templates() / "theirs.toml").write_text(
        re.sub(r'entry = ".*?"', 'entry = "os:system"', own_code).replace('"mine"', '"evil"').replace("1111", "2222")
    )
    (templates() / "broken.json").write_text('{"id": "broken"}')
    status, told = say("check", str(templates()))
    refused = [(problem.file, problem.message) for problem in registry.Catalogue([templates()]).problems]
    assert [file for file, _ in refused] == ["broken.json", "copy.toml", "theirs.toml"]
    assert status == 1
    assert re.findall(r"^wrong  ([^:]+):", told, re.MULTILINE) == [file for file, _ in refused], told
    assert "copy.toml: id: blur.toml has the same" in told
    assert f"theirs.toml: {dict(refused)['theirs.toml']}" in told
    assert "5 definitions, 3 wrong." in told


def test_check_without_a_name_examines_everything_there_is(say: Type) -> None:
    scaffold.write(GOOD, templates())
    status, told = say("check")
    assert status == 0
    assert f"{len(list(registry.CATALOG.glob('*.toml'))) + 1} definitions, all well." in told
    assert "well   previz-image" in told
    assert "well   blur" in told


def test_check_says_what_this_machine_lacks(say: Type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scaffold.write(GOOD, templates())
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert "low: cannot run here. Docker does not run here." in say("check", "blur")[1]


def test_what_is_not_there_cannot_be_checked(say: Type) -> None:
    status, words = say("check", "nowhere")
    assert (status, "or folder of such called nowhere; those of this workspace lie in " in words) == (1, True)


def test_a_command_line_that_no_shell_would_take_is_told(say: Type) -> None:
    assert say("new", "blur", "--command", 'cp "a') == (
        *(1, "workprint: --command: No closing quotation; write it as for a shell\n"),
    )


def test_what_a_command_line_names_is_declared_in_what_new_writes(say: Type) -> None:
    command = (
        "mix {inputs.first} {inputs.second} --gain={parameters.gain} --soft {parameters.soft_edge} {out}/result.png"
    )
    assert say("new", "mix", "--command", command)[0] == 0
    pipeline = registry.read_definition(templates() / "mix.toml")
    assert [each.name for each in pipeline.inputs] == ["first", "second", "prompt"]
    assert [each.name for each in pipeline.params] == ["gain", "soft_edge"]


def test_run_delivers_a_picture_of_a_pipeline_that_comes_with_workprint(say: Type) -> None:
    arguments = ("run", "previz-image", "--prompt", "A door", "--size", "128x72", "--out", "made", "--seed", "3")
    status, told = say(*arguments, "--param", "slate=false", "--param", "lens_mm=85")
    assert status == 0, told
    with Image.open(next(Path("made").iterdir())) as picture:
        assert picture.size == (128, 72)


REFUSED = {
    ("--param", "size=3"): "has no parameter size; it has strength",
    ("--param", "strength=big"): "Strength must be a number",
    ("--param", "strength"): "write it as NAME=VALUE",
    ("--input", "mask=door.png"): "has no input mask for a file; it has source",
    ("--input", "source=nowhere.png"): "nowhere.png is no file",
    ("--seed", "1"): "needs Source",
    ("--size", "big"): "write it as 1024x576",
}  # fmt: skip


@pytest.mark.parametrize("given", REFUSED)
def test_run_refuses_what_is_wrong_in_words(say: Type, given: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    busybox_image()
    scaffold.write(GOOD, templates())
    Image.new("RGB", (8, 8)).save("door.png")
    source = () if given[0] in ("--input", "--seed") else ("--input", "source=door.png")
    status, told = say("run", "blur", *given, *source)
    assert (status, REFUSED[given] in told) == (1, True), told


def test_run_takes_files_for_inputs(say: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    busybox_image()
    scaffold.write(GOOD, templates())
    Image.new("RGB", (8, 8), "red").save("door.png")
    status, told = say("run", "blur", "--input", "source=door.png", "--out", "made")
    assert status == 0, told
    assert Path("made/result.png").read_bytes() == Path("door.png").read_bytes()


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    docker_host()
    busybox_image()
    stubborn = ("sh", "-c", "trap '' INT TERM; echo going; sleep 300")
    made = scaffold.write(scaffold.Wish("stubborn", image=BUSYBOX, command=stubborn), tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.command", "run", str(made[0])],
        env={**os.environ, "DOCKER_HOST": docker_host(), "PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout as stream:
        assert "going" in stream.readline()
        process.send_signal(signal.SIGINT)
        assert "nothing is left running" in stream.read()
        assert process.wait(60) == 130
    filters = {"label": "workprint.attempt"}
    assert docker_client().containers.list(all=True, filters=filters, ignore_removed=True) == []


def test_run_says_what_a_command_left_instead_of_its_result(say: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host())
    busybox_image()
    assert say("new", "blur", "--image", BUSYBOX, "--command", "touch {out}/other.png")[0] == 0
    status, told = say("run", "blur")
    assert (status, "it left other.png, and the definition collects result.* from /job/out" in told) == (1, True), told
