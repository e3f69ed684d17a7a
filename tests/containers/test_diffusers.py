"""The container for models of diffusers, run with small models of random weights on the CPU: real loading, real steps.

What it shows is that definitions become calls; pictures of random weights say nothing about quality.
"""

import importlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

imageio_ffmpeg: Any = importlib.import_module("imageio_ffmpeg")  # it has no types

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".make" / "models" / "bin" / "python"
pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PYTHON.exists(), reason="torch and diffusers are not here; `.ci/setup models` fetches them"),
]
SD, FLUX, WAN, LTX = ({"model": f"tiny/{name}", "dtype": "float32"} for name in ("sd", "flux", "wan", "ltx"))
NOIR = {"file": "loras/noir.safetensors", "strength": "style"}
KONTEXT_SIZE = {"_auto_resize": "options.resize", "max_area": "area_px"}


@dataclass(frozen=True)
class Wanted:
    """What a job asks for, beyond what all of them do."""

    options: dict[str, Any]
    source: bool = False
    seed: int = 7
    more: dict[str, Any] | None = None
    loras: tuple[dict[str, Any], ...] = ()


JOBS = {
    "sd": Wanted(SD),
    "sd again": Wanted(SD),
    "sd, another seed": Wanted(SD, seed=8),
    "sd, another guidance": Wanted(SD, more={"guidance": 9.0}),
    "sd, sliced": Wanted({**SD, "optimizations": ["vae_tiling", "attention_slicing"]}),
    "sd, previews": Wanted({**SD, "preview_every": 1}),
    "sd with a style": Wanted({**SD, "loras": [NOIR]}, more={"style": 1.0}),
    "sd without its style": Wanted({**SD, "loras": [NOIR]}, more={"style": 0.0}),
    "sd with a style of the shot": Wanted(SD, loras=({"name": "noir.safetensors", "strength": 1.0},)),
    "sd from a picture": Wanted({**SD, "class": "StableDiffusionImg2ImgPipeline"}, source=True, more={"strength": 0.9}),
    "flux, fp8": Wanted({**FLUX, "dtype": "bfloat16", "optimizations": ["fp8", "cpu_offloading", "sequential"]}),
    "flux kontext": Wanted(
        {**FLUX, "class": "FluxKontextPipeline", "arguments": KONTEXT_SIZE, "resize": False},
        source=True,
    ),
    "wan": Wanted(WAN),
    "ltx": Wanted(LTX),
    "ltx from a picture": Wanted({**LTX, "class": "LTXImageToVideoPipeline"}, source=True),
}
REFUSED = {
    "no such optimisation": (Wanted({**SD, "optimizations": ["faster"]}), "The optimisation faster is not known here"),
    "no such class": (Wanted({**SD, "class": "MagicPipeline"}), "has no pipeline called MagicPipeline"),
    "no class at all": (Wanted({**SD, "class": "utils"}), "has no pipeline called utils"),
    "not downloaded": (Wanted({**SD, "model": "tiny/none"}), "The weights of tiny/none are not complete"),
    "outside": (Wanted({**SD, "model": "../../etc"}), "is not below the folder of models"),
    "no such style": (
        Wanted({**SD, "loras": [{"file": "loras/x.safetensors"}]}),
        "The LoRA loras/x.safetensors is not",
    ),
    "no picture": (Wanted({**LTX, "arguments": {"image": "inputs.source"}}), "Nothing is joined to the input source"),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of every job, when all have run."""
    root = tmp_path_factory.mktemp("jobs")
    Image.radial_gradient("L").convert("RGB").save(root / "source.png")
    wanted = {**JOBS, **{name: each for name, (each, _) in REFUSED.items()}}
    folders = {
        name: _laid_out(root / name.replace(" ", "-"), each, root / "source.png") for name, each in wanted.items()
    }
    environment = {
        **os.environ,
        "WORKPRINT_MODELS_IN_CONTAINER": str(root / "models"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "2",
    }
    environment.pop("PYTHONPATH", None)
    for script, arguments in (("tiny_models.py", [root / "models"]), ("run_jobs.py", [*folders.values()])):
        ran = subprocess.run(
            [PYTHON, HERE / script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
    return folders


def _laid_out(folder: Path, wanted: Wanted, source: Path) -> Path:
    (folder / "out").mkdir(parents=True)
    job = {
        "version": "job.1", "pipeline": "tiny", "tier": "low", "prompt": "a red door", "negative_prompt": "blurry",
        "seed": wanted.seed, "width": 64, "height": 32, "frames": 9, "fps": 24.0,
        "parameters": {"steps": 2, "guidance": 2.0, **(wanted.more or {})},
        "inputs": {"source": [str(source)]} if wanted.source else {}, "options": wanted.options,
        "out": str(folder / "out"), "loras": list(wanted.loras),
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "result.json").read_text())


def picture(folder: Path) -> bytes:
    with Image.open(folder / "out" / "result.png") as image:
        return image.tobytes()


def frames_of(film: Path) -> tuple[str, str, int]:
    """Size, time base and number of the pictures that ffmpeg decodes from a film."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", film, "-f", "framemd5", "-"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
    heads = dict(line[1:].split(": ", 1) for line in told if line.startswith("#") and ": " in line)
    return heads["dimensions 0"], heads["tb 0"], len([line for line in told if not line.startswith("#")])


@pytest.mark.parametrize("name", [name for name in JOBS if name.startswith(("sd", "flux"))])
def test_an_image_model_makes_a_picture_of_the_size_asked_for(done: dict[str, Path], name: str) -> None:
    assert "error" not in result(done[name]), result(done[name])
    with Image.open(done[name] / "out" / "result.png") as image:
        assert image.size == (64, 32)
        assert len(set(image.convert("L").tobytes())) > 20, "it is no flat card"


@pytest.mark.parametrize("name", ["wan", "ltx", "ltx from a picture"])
def test_a_video_model_makes_a_film_of_the_length_asked_for(done: dict[str, Path], name: str) -> None:
    (output,) = result(done[name]).get("outputs", [result(done[name])])
    assert output == {"path": "result.mp4", "frames": 9, "rate": "24/1", "width": 64, "height": 32}
    assert frames_of(done[name] / "out" / "result.mp4") == ("64x32", "1/24", 9)


def test_the_same_job_makes_the_same_picture_and_another_seed_another(done: dict[str, Path]) -> None:
    assert picture(done["sd"]) == picture(done["sd again"])
    assert picture(done["sd"]) != picture(done["sd, another seed"])


def test_parameters_reach_the_model(done: dict[str, Path]) -> None:
    assert picture(done["sd"]) != picture(done["sd, another guidance"])


def test_a_joined_picture_reaches_the_model(done: dict[str, Path]) -> None:
    assert picture(done["sd"]) != picture(done["sd from a picture"])


def test_a_style_changes_the_picture_as_much_as_its_parameter_says(done: dict[str, Path]) -> None:
    assert picture(done["sd with a style"]) != picture(done["sd"])
    assert picture(done["sd with a style of the shot"]) == picture(done["sd with a style"])
    assert picture(done["sd without its style"]) == picture(done["sd"])


def test_progress_counts_the_steps_and_previews_are_shown(done: dict[str, Path]) -> None:
    said = [json.loads(line) for line in (done["sd, previews"] / "said").read_text().splitlines()]
    steps = [line["step"] for line in said if "progress" in line]
    assert [step for step in steps if step.startswith("Step")] == ["Step 1 of 2", "Step 2 of 2"]
    percents = [line["progress"] for line in said if "progress" in line]
    assert percents == sorted(percents)
    assert {"preview": "preview.jpg"} in said
    with Image.open(done["sd, previews"] / "out" / "preview.jpg") as preview:
        assert preview.size == (64, 32)


def test_the_take_knows_which_weights_made_it(done: dict[str, Path]) -> None:
    facts = result(done["sd"])["facts"]
    assert facts["model_class"] == "StableDiffusionPipeline"
    assert facts["model_revision"] == "0123abcd"
    assert (
        facts["model_files"]
        == result(done["sd again"])["facts"]["model_files"]
        != result(done["wan"])["facts"]["model_files"]
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_told_in_words(done: dict[str, Path], name: str) -> None:
    error = result(done[name])["error"]
    assert error["kind"] == "failed"
    assert REFUSED[name][1] in error["message"]
