"""The ComfyUI runner against a server that speaks as ComfyUI does, and against ComfyUI itself where there is one."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from PIL import Image

from pipelines.run import run_pipeline
from pipelines.runners import comfyui
from pipelines.spec import (
    Cancelled,
    Input,
    OutOfMemory,
    Pipeline,
    PipelineError,
    Result,
    TierSpec,
    Transient,
)
from tests.support import comfyui_real
from tests.support.attempt import Attempt
from tests.support.comfyui import Imitation

Graph = dict[str, dict[str, Any]]
KINDS = ("imitation", "real") if comfyui_real.HOME else ("imitation",)
http = urllib3.PoolManager()


@pytest.fixture(scope="module", params=KINDS)
def started_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("comfyui")
    made = comfyui_real.Real(folder) if request.param == "real" else Imitation(folder)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers does so in time, however busy the machine is that both are on."""
    for name in ("SOCKET_SECONDS", "STOP_SECONDS", "FORGET_SECONDS", "HELD_SECONDS"):
        monkeypatch.setattr(comfyui, name, 60.0)


@pytest.fixture
def imitation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Imitation]:
    """A server that can be made to fail in the ways that servers do."""
    made = Imitation(tmp_path / "comfyui")
    monkeypatch.setenv("WORKPRINT_COMFYUI_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def server(started_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that knows what a real one knows, or the real one."""
    monkeypatch.setenv("WORKPRINT_COMFYUI_URL", started_server.url)
    return started_server


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    (tmp_path / "scratch").mkdir()
    return Attempt(tmp_path / "scratch")


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def slow(steps: int = 4, step_seconds: float = 0.05) -> Graph:
    """A picture that takes its time, and is another one each time that it is asked for."""
    colour = uuid.uuid4().int % 0xFFFFFF
    return {
        "1": node("EmptyImage", width=64, height=32, batch_size=1, color=colour),
        "2": node("WorkprintSlow", image=["1", 0], steps=steps, step_seconds=step_seconds),
        "9": node("SaveImage", images=["2", 0], filename_prefix=""),
    }


def pipeline(graph: Graph, bind: dict[str, str] | None = None, **changes: Any) -> tuple[Pipeline, TierSpec]:
    spec = TierSpec("comfyui", "inline", 0, 512, 1, {"graph": graph, "bind": bind or {}, **changes.pop("options", {})})
    base: dict[str, Any] = {
        "id": "probe",
        "version": "1",
        "uuid": str(uuid.uuid4()),
        "label": "Probe",
        "summary": "",
        "output": "Image",
        "inputs": (),
        "params": (),
        "tiers": {"low": spec},
        "price_usd": 0.0,
        "needs": "ComfyUI",
        "licence": "MIT",
        "source": "here",
    }
    return Pipeline(**{**base, **changes}), spec


RECIPE: dict[str, Any] = {"prompt": {"direct": "a door"}, "seed": 7, "width": 64, "height": 32, "parameters": {}}


def run(attempt: Attempt, graph: Graph, bind: dict[str, str] | None = None, **changes: Any) -> Result:
    return comfyui.run(*pipeline(graph, bind, **changes), RECIPE, attempt)


def started(attempt: Attempt, graph: Graph) -> Future[Result]:
    """A run in a thread, once its slow node has made a step."""
    begun = threading.Event()
    attempt.on_step = lambda step: begun.set() if step.startswith("WorkprintSlow") and "/" in step else None
    future = ThreadPoolExecutor(1).submit(run, attempt, graph)
    assert begun.wait(60), "the prompt did not begin"
    return future


def queue(url: str) -> tuple[list[str], list[str]]:
    reply = http.request("GET", f"{url}/queue").json()
    return [item[1] for item in reply["queue_running"]], [item[1] for item in reply["queue_pending"]]


def somebody_elses(url: str, graph: Graph) -> str:
    prompt = str(uuid.uuid4())
    body = {"prompt": graph, "prompt_id": prompt, "client_id": "somebody"}
    assert http.request("POST", f"{url}/prompt", json=body).status == 200
    return prompt


def history(url: str, prompt: str) -> dict[str, Any]:
    return http.request("GET", f"{url}/history/{prompt}").json().get(prompt, {})


def left(server: Any, result: Result) -> list[Path]:
    """What a run has left in the server's folder of outputs."""
    return list((server.folder / "output" / "workprint").glob(f"{result.facts['comfyui_prompt']}*"))


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.mark.usefixtures("server")
def test_a_graph_becomes_a_picture_with_the_values_of_the_recipe(attempt: Attempt) -> None:
    graph = slow()
    result = run(attempt, graph, {"1.width": "width", "1.height": "height"})
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height) == ("image/png", 64, 32)
    assert output.path.parent == attempt.scratch
    with Image.open(output.path) as image:
        colour = int(graph["1"]["inputs"]["color"])
        assert image.convert("RGB").getpixel((0, 0)) == (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    assert result.facts["comfyui_version"]
    assert result.facts["pytorch_version"]


@pytest.mark.usefixtures("server")
def test_progress_rises_and_previews_come_while_it_runs(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui, "TICK_SECONDS", 0.02)
    run(attempt, slow(20))
    percents = [percent for percent, _ in attempt.steps]
    assert percents == sorted(percents)
    assert any(0 < percent < 90 for percent in percents)
    assert any(step.startswith("WorkprintSlow") and step.endswith("/20") for _, step in attempt.steps)
    assert attempt.previews
    assert all(preview.startswith(b"\xff\xd8") for preview in attempt.previews)


def test_the_same_recipe_twice_makes_files_of_its_own_each_time(server: Any, tmp_path: Path) -> None:
    graph = slow(1)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = (run(Attempt(tmp_path / name), graph) for name in ("first", "second"))
    assert first.facts["comfyui_prompt"] != second.facts["comfyui_prompt"]
    made = [left(server, result) for result in (first, second)]
    assert [len(files) for files in made] == [1, 1]
    assert first.outputs[0].path.read_bytes()[:100] == second.outputs[0].path.read_bytes()[:100]


@pytest.mark.usefixtures("server")
def test_inputs_are_read_under_the_name_that_the_server_gave_them(attempt: Attempt, tmp_path: Path) -> None:
    colours = {"one": (255, 0, 0), "two": (0, 0, 255)}
    for name, colour in colours.items():
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), colour).save(tmp_path / name / "same.png")
    attempt.inputs = {name: (tmp_path / name / "same.png",) for name in colours}
    graph = {
        "1": node("LoadImage", image=""),
        "2": node("LoadImage", image=""),
        "3": node("ImageInvert", image=["1", 0]),
        "9": node("SaveImage", images=["2", 0], filename_prefix=""),
        "8": node("SaveImage", images=["3", 0], filename_prefix=""),
    }
    inputs = tuple(Input(name, ("Image",), name) for name in colours)
    result = run(attempt, graph, {"1.image": "inputs.one", "2.image": "inputs.two"}, inputs=inputs)
    found: list[Any] = []
    for output in result.outputs:
        with Image.open(output.path) as image:
            found.append(image.convert("RGB").getpixel((0, 0)))
    assert found == [(0, 255, 255), (0, 0, 255)]


@pytest.mark.usefixtures("server")
def test_a_video_that_is_another_than_was_asked_for_is_told_as_it_is(attempt: Attempt) -> None:
    graph = {
        "1": node("EmptyImage", width=96, height=64, batch_size=5, color=255),
        "2": node("CreateVideo", images=["1", 0], fps=24),
        "9": node("SaveVideo", video=["2", 0], filename_prefix="", format="mp4", codec="h264"),
    }
    made, _ = pipeline(graph, options={"fps": 8, "output": "9"})
    (output,) = run_pipeline(made, "low", RECIPE, attempt).outputs
    assert (output.width, output.height, output.frames, output.rate) == (96, 64, 5, "24/1")


@pytest.mark.usefixtures("server")
def test_a_video_comes_with_its_size_frames_and_rate(attempt: Attempt) -> None:
    graph = {
        "1": node("EmptyImage", width=0, height=0, batch_size=0, color=255),
        "2": node("CreateVideo", images=["1", 0], fps=0),
        "9": node("SaveVideo", video=["2", 0], filename_prefix="", format="mp4", codec="h264"),
    }
    bind = {"1.width": "width", "1.height": "height", "1.batch_size": "frames", "2.fps": "fps"}
    options = {"fps": 8, "frame_step": 4, "output": "9"}
    spec = pipeline(graph, bind, options=options)
    (output,) = comfyui.run(*spec, {**RECIPE, "parameters": {"seconds": 1.0}}, attempt).outputs
    assert (output.media_type, output.width, output.height) == ("video/mp4", 64, 32)
    assert (output.frames, output.rate) == (9, "8/1")
    assert output.path.read_bytes()[4:8] == b"ftyp"


@pytest.mark.usefixtures("server")
def test_a_failing_node_is_named_with_what_it_said(attempt: Attempt) -> None:
    graph = slow()
    graph["2"] = node("WorkprintFails", image=["1", 0], how="error")
    with pytest.raises(PipelineError, match="failed at WorkprintFails: The probe was told to fail"):
        run(attempt, graph)


@pytest.mark.usefixtures("server")
def test_a_card_that_is_too_small_is_told_from_a_fault(attempt: Attempt) -> None:
    graph = slow()
    graph["2"] = node("WorkprintFails", image=["1", 0], how="memory")
    with pytest.raises(OutOfMemory, match="memory did not suffice for WorkprintFails"):
        run(attempt, graph)


@pytest.mark.usefixtures("server")
def test_a_missing_checkpoint_is_explained(attempt: Attempt) -> None:
    graph = {
        "4": node("CheckpointLoaderSimple", ckpt_name="no-such.safetensors"),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "8": node("VAEDecode", samples=["5", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix=""),
    }
    with pytest.raises(PipelineError, match=r"no checkpoint no-such\.safetensors; put it into models/checkpoints"):
        run(attempt, graph)
    assert "no checkpoint no-such.safetensors; put it into models/checkpoints" in comfyui.ready(*pipeline(graph))


def test_half_a_sound_graph_is_refused_and_does_not_run_on(server: Any, attempt: Attempt) -> None:
    graph = slow(400) | {
        "4": node("LoadImage", image="gone.png"),
        "5": node("SaveImage", images=["4", 0], filename_prefix=""),
    }
    with pytest.raises(PipelineError, match=r"Invalid image file: gone\.png"):
        run(attempt, graph)
    until(lambda: queue(server.url) == ([], []))


@pytest.mark.usefixtures("server")
def test_an_unknown_node_is_explained(attempt: Attempt) -> None:
    graph = slow() | {"5": node("NoSuchNode")}
    with pytest.raises(PipelineError, match="node NoSuchNode does not exist"):
        run(attempt, graph)
    assert "no node NoSuchNode; install the custom nodes" in comfyui.ready(*pipeline(graph))


@pytest.mark.usefixtures("server")
def test_a_value_out_of_range_is_told_in_the_servers_words(attempt: Attempt) -> None:
    graph = slow()
    graph["1"]["inputs"]["width"] = -3
    with pytest.raises(PipelineError, match=r"Value -3 smaller than min of 1: width"):
        run(attempt, graph)


@pytest.mark.usefixtures("server")
def test_a_server_that_was_started_otherwise_than_the_tier_wants_is_told_and_used(attempt: Attempt) -> None:
    result = run(attempt, slow(), options={"comfyui_flags": ["--lowvram"]})
    (told,) = [line for line in attempt.lines if "--lowvram" in line]
    assert told.startswith("The ComfyUI server was not started with --lowvram (it has --cpu), which this tier")
    assert result.facts["comfyui_memory"] == "--cpu"


@pytest.mark.usefixtures("server")
def test_a_server_that_has_everything_is_ready() -> None:
    graph = slow() | {"4": node("CheckpointLoaderSimple", ckpt_name=comfyui_real.CHECKPOINT)}
    assert comfyui.ready(*pipeline(graph)) == ""


def test_what_a_server_keeps_on_its_card_is_known(imitation: Imitation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert comfyui.held_gb() == 0, "the memory of a machine without a card is not a card's"
    imitation.devices = [{"name": "cuda:0 Test", "type": "cuda", "vram_total": 24 << 30, "torch_vram_total": 9 << 30}]
    assert comfyui.held_gb() == 9
    monkeypatch.setenv("WORKPRINT_COMFYUI_URL", "http://127.0.0.1:9")
    assert comfyui.held_gb() == 0
    monkeypatch.delenv("WORKPRINT_COMFYUI_URL")
    assert comfyui.held_gb() == 0


def test_cancelling_a_running_prompt_interrupts_it_and_no_other(server: Any, attempt: Attempt) -> None:
    future = started(attempt, slow(2000))
    other = somebody_elses(server.url, slow(2))
    (mine,), _ = queue(server.url)
    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        future.result(60)
    running, pending = queue(server.url)
    assert mine not in running + pending
    status = until(lambda: history(server.url, other))["status"]
    assert status["completed"]


def test_cancelling_a_queued_prompt_takes_it_out_and_leaves_the_running_one(server: Any, attempt: Attempt) -> None:
    other = somebody_elses(server.url, slow(120))
    until(lambda: queue(server.url)[0] == [other])
    waiting = threading.Event()
    attempt.on_step = lambda step: waiting.set() if "1 before it" in step else None
    future = ThreadPoolExecutor(1).submit(run, attempt, slow())
    assert waiting.wait(60)
    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        future.result(60)
    running, pending = queue(server.url)
    assert running in ([other], [])  # it may have come to its end by now
    assert pending == []
    assert until(lambda: history(server.url, other))["status"]["completed"]


@pytest.mark.usefixtures("server")
def test_two_attempts_at_once_get_their_own_pictures_and_previews(tmp_path: Path) -> None:
    attempts: list[Attempt] = []
    graphs = [slow(8), slow(8)]
    for number in range(2):
        (tmp_path / f"scratch-{number}").mkdir()
        attempts.append(Attempt(tmp_path / f"scratch-{number}"))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, attempts, graphs))
    for result, graph, each in zip(results, graphs, attempts, strict=True):
        with Image.open(result.outputs[0].path) as image:
            colour = int(graph["1"]["inputs"]["color"])
            assert image.convert("RGB").getpixel((0, 0)) == (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
        assert each.previews


def test_a_prompt_that_somebody_takes_away_is_not_sent_again(server: Any, attempt: Attempt) -> None:
    other = somebody_elses(server.url, slow(2000))
    until(lambda: queue(server.url)[0] == [other])
    waiting = threading.Event()
    attempt.on_step = lambda step: waiting.set() if "before it" in step else None
    future = ThreadPoolExecutor(1).submit(run, attempt, slow())
    assert waiting.wait(60)
    (mine,) = queue(server.url)[1]
    http.request("POST", f"{server.url}/queue", json={"delete": [mine]})
    with pytest.raises(PipelineError, match="Somebody took the prompt out"):
        future.result(60)
    http.request("POST", f"{server.url}/interrupt", json={"prompt_id": other})


def test_a_restarted_server_gets_the_prompt_once_more(server: Any, attempt: Attempt) -> None:
    future = started(attempt, slow(120))
    server.restart()
    result = future.result(60)
    assert result.outputs[0].path.is_file()
    assert any("restarted" in line for line in attempt.lines)


def test_a_lost_websocket_loses_nothing_but_previews(imitation: Imitation, attempt: Attempt) -> None:
    future = started(attempt, slow(30))
    imitation.drop_sockets()
    assert future.result(60).outputs[0].path.is_file()
    assert not any("restarted" in line for line in attempt.lines)


def test_without_any_websocket_the_history_is_enough(
    imitation: Imitation, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui, "SOCKET_SECONDS", 2.0)
    for _ in range(50):  # more than it comes back for
        imitation.lose("/ws", after=False)
    assert run(attempt, slow()).outputs[0].path.is_file()
    assert attempt.previews == []


def test_a_lost_answer_does_not_run_the_prompt_twice(imitation: Imitation, attempt: Attempt) -> None:
    imitation.lose("/prompt", after=True)
    run(attempt, slow())
    assert imitation.sent == 1


def test_a_lost_question_is_asked_once_more(imitation: Imitation, attempt: Attempt) -> None:
    imitation.lose("/prompt", after=False)
    run(attempt, slow())
    assert imitation.sent == 1


def test_a_server_that_restarts_again_and_again_is_left_to_another_try(imitation: Imitation, attempt: Attempt) -> None:
    future = started(attempt, slow(2000))
    imitation.restart()
    until(lambda: imitation.running)
    imitation.restart()
    with pytest.raises(Transient, match="restarted twice"):
        future.result(60)
    assert imitation.running is None


def test_a_server_that_stays_away_is_left_to_another_try(
    imitation: Imitation, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui, "AWAY_SECONDS", 0.5)
    monkeypatch.setattr(comfyui, "STOP_SECONDS", 0.5)
    future = started(attempt, slow(2000))
    imitation.close()
    with pytest.raises(Transient, match="did not come back"):
        future.result(60)


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, attempt: Attempt) -> None:
    monkeypatch.setenv("WORKPRINT_COMFYUI_URL", "http://127.0.0.1:9")
    assert comfyui.ready(*pipeline(slow())).startswith("No ComfyUI server answers at WORKPRINT_COMFYUI_URL.")
    assert "127.0.0.1" not in comfyui.ready(*pipeline(slow())), "artists read it too"
    with pytest.raises(Transient, match="does not answer"):
        run(attempt, slow())


def test_without_an_address_the_setting_is_named(monkeypatch: pytest.MonkeyPatch, attempt: Attempt) -> None:
    monkeypatch.delenv("WORKPRINT_COMFYUI_URL", raising=False)
    assert "WORKPRINT_COMFYUI_URL" in comfyui.ready(*pipeline(slow()))
    with pytest.raises(PipelineError, match="WORKPRINT_COMFYUI_URL"):
        run(attempt, slow())


@pytest.mark.usefixtures("server")
def test_a_graph_without_a_file_is_told(attempt: Attempt) -> None:
    graph = slow() | {"8": node("PreviewImage", images=["1", 0])}
    with pytest.raises(PipelineError, match="without a file"):
        run(attempt, graph, options={"output": "1"})


def test_a_server_forgets_what_was_fetched_and_remembers_what_failed(imitation: Imitation, attempt: Attempt) -> None:
    run(attempt, slow())
    assert imitation.history == {}
    graph = slow() | {"2": node("WorkprintFails", image=["1", 0], how="error")}
    with pytest.raises(PipelineError):
        run(attempt, graph)
    assert [ended["status"]["status_str"] for ended in imitation.history.values()] == ["error"]


def test_a_server_that_cannot_forget_costs_nothing(imitation: Imitation, attempt: Attempt) -> None:
    imitation.lose("/history", after=False)
    assert run(attempt, slow()).outputs[0].path.is_file()


def test_a_node_that_sees_the_servers_folder_removes_its_results_and_nobody_elses(
    server: Any, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(attempt, slow())
    monkeypatch.setenv("WORKPRINT_COMFYUI_OUTPUT", str(server.folder / "output"))
    result = run(attempt, slow())
    assert history(server.url, result.facts["comfyui_prompt"]) == {}
    assert result.outputs[0].path.is_file()
    assert (len(left(server, before)), left(server, result)) == (1, [])
    assert not any("WORKPRINT_COMFYUI_OUTPUT" in line for line in attempt.lines)
    monkeypatch.setenv("WORKPRINT_COMFYUI_OUTPUT", str(server.folder / "elsewhere"))
    assert len(left(server, run(attempt, slow()))) == 1
    assert any("it is not in WORKPRINT_COMFYUI_OUTPUT" in line for line in attempt.lines)


def test_an_input_lies_on_the_server_once_however_often_it_is_used(
    server: Any, attempt: Attempt, tmp_path: Path
) -> None:
    picture = tmp_path / f"{uuid.uuid4().hex}.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(picture)
    attempt.inputs = {"one": (picture,)}
    graph = {"1": node("LoadImage", image=""), "9": node("SaveImage", images=["1", 0], filename_prefix="")}
    for _ in range(2):
        run(attempt, graph, {"1.image": "inputs.one"}, inputs=(Input("one", ("Image",), "one"),))
    (uploaded,) = (server.folder / "input" / "workprint").glob(f"{picture.stem}*")
    assert uploaded.read_bytes() == picture.read_bytes()
