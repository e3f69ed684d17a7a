"""The small models that run on any machine, with their real weights."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines import cuts, media, registry, run
from pipelines.spec import Cancelled, PipelineError
from render_farm.thumbnail import thumbnail
from tests.support.run_context import Attempt

FACE = Path(__file__).parent / "pictures" / "eileen_collins.jpg"
LOCAL = ["previz-video", "upscale-realesrgan", "speech-espeak", "faces", "cuts-ffmpeg", "safety-nudenet"]


@pytest.mark.parametrize("name", LOCAL)
def test_each_costs_nothing_and_names_its_licence_its_source_and_its_extra(name: str) -> None:
    pipeline = registry.get(name)
    assert pipeline.price_usd == 0
    assert pipeline.licence
    assert pipeline.source
    assert pipeline.requires[0].startswith("extra:")
    assert run.ready(pipeline, "low") == ""


def small_face(folder: Path) -> Path:
    path = folder / "small.png"
    Image.open(FACE).resize((110, 100)).save(path)
    return path


def test_upscaling_makes_a_larger_sharper_picture_without_seams(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path / "a", {"image": (small_face(tmp_path),)})
    result = run.run("upscale-realesrgan", "low", {}, attempt)
    output = result.outputs[0]
    made = np.asarray(Image.open(output.path).convert("RGB"), np.float32)
    assert (output.width, output.height) == (220, 200) == made.shape[1::-1]
    plain = np.asarray(Image.open(FACE).resize((110, 100)).resize((220, 200), Image.Resampling.BICUBIC), np.float32)
    assert float(np.abs(made - plain).mean()) < 8, "it is the same picture"
    assert float(np.abs(np.diff(made, axis=1)).mean()) > 1.05 * float(np.abs(np.diff(plain, axis=1)).mean())
    seam = np.abs(made[:, 192] - made[:, 191]).mean()
    beside = np.mean([np.abs(made[:, k + 1] - made[:, k]).mean() for k in range(180, 204)])
    assert seam < 2 * beside
    assert [step for _, step in attempt.steps][1:3] == ["Tile 1 of 4", "Tile 2 of 4"]
    assert result.facts["model"] == "realesr-animevideov3-x2"


def test_upscaling_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    source = small_face(tmp_path)
    made = [
        run.run("upscale-realesrgan", "low", {}, Attempt(tmp_path / name, {"image": (source,)})).outputs[0].path
        for name in ("a", "b")
    ]
    assert made[0].read_bytes() == made[1].read_bytes()


def spoken(folder: Path, words: str, **parameters: Any) -> Path:
    recipe = {"prompt": {"direct": words}, "parameters": parameters}
    output = run.run("speech-espeak", "low", recipe, Attempt(folder)).outputs[0]
    with wave.open(str(output.path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert (output.frames, output.rate) == (file.getnframes(), f"{file.getframerate()}/1")
    return output.path


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def test_speech_is_longer_for_more_words_and_shorter_when_fast(tmp_path: Path) -> None:
    few, many = spoken(tmp_path / "a", "Action."), spoken(tmp_path / "b", "The rain has not stopped since Tuesday.")
    fast = spoken(tmp_path / "c", "The rain has not stopped since Tuesday.", words_per_minute=400)
    assert 0.3 < seconds(few) < seconds(fast) < seconds(many) < 6
    with wave.open(str(many)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert float(np.abs(samples.astype(np.float32)).mean()) > 200, "it is no silence"


def test_speech_is_the_same_again_and_other_in_another_voice(tmp_path: Path) -> None:
    first, again = (spoken(tmp_path / name, "Guten Morgen", voice="de").read_bytes() for name in ("a", "b"))
    assert first == again
    assert spoken(tmp_path / "c", "Guten Morgen", voice="fr").read_bytes() != first


def test_speech_stops_when_it_is_cancelled(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    attempt.cancel_when = lambda: bool(attempt.steps)
    with pytest.raises(Cancelled):
        run.run("speech-espeak", "low", {"prompt": {"direct": "word " * 3000}}, attempt)


def test_a_shot_without_words_cannot_be_spoken(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no words"):
        run.run("speech-espeak", "low", {"prompt": {"direct": " "}}, Attempt(tmp_path))


def test_a_sound_shows_its_waves_as_its_thumbnail(tmp_path: Path) -> None:
    recipe = {"prompt": {"direct": "Quiet on set"}}
    output = run.run("speech-espeak", "low", recipe, Attempt(tmp_path)).outputs[0]
    with Image.open(thumbnail(output, tmp_path).path) as image:
        assert float(np.asarray(image.convert("L")).std()) > 10


def embedding(folder: Path, picture: Path) -> np.ndarray[Any, Any]:
    result = run.run("faces", "low", {}, Attempt(folder, {"image": (picture,)}))
    faces = json.loads(result.outputs[1].path.read_text())["faces"]
    assert len(faces) == 1
    return np.array(faces[0]["embedding"])


def test_one_person_in_two_pictures_is_the_same_and_a_face_has_128_numbers(tmp_path: Path) -> None:
    Image.open(FACE).resize((420, 420)).point([min(255, k + 20) for k in range(256)] * 3).save(tmp_path / "other.png")
    first, other = embedding(tmp_path / "a", FACE), embedding(tmp_path / "b", tmp_path / "other.png")
    assert first.shape == (128,)
    assert 0 < float(np.linalg.norm(first - other)) < 0.4
    assert float(np.linalg.norm(first)) > 0.8


def test_a_picture_without_a_face_is_told_in_words(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (90, 120, 140)).save(tmp_path / "sky.png")
    with pytest.raises(PipelineError, match="no face"):
        run.run("faces", "low", {}, Attempt(tmp_path / "a", {"image": (tmp_path / "sky.png",)}))


def test_cuts_are_found_to_the_frame_and_written_as_an_edl(tmp_path: Path) -> None:
    film, rng = tmp_path / "film.mp4", np.random.default_rng(3)
    looks = [rng.integers(0, 255, (6, 8, 3), np.uint8) for _ in range(3)]
    with media.h264(film, (160, 120), "24/1") as write:
        for look, frames in zip(looks, (30, 20, 25), strict=True):
            picture = Image.fromarray(look).resize((160, 120), Image.Resampling.BICUBIC).tobytes()
            for _ in range(frames):
                write(picture)
    result = run.run("cuts-ffmpeg", "low", {}, Attempt(tmp_path / "a", {"video": (film,)}))
    assert [output.media_type for output in result.outputs] == ["image/png", "text/x-edl", "application/json"]
    said = json.loads(result.outputs[2].path.read_text())
    assert [(shot["start"], shot["end"]) for shot in said["shots"]] == [(0, 30), (30, 50), (50, 75)]
    assert (said["rate"], said["frames"]) == ("24/1", 75)
    edl = result.outputs[1].path.read_text()
    assert "002  AX       V     C        00:00:01:06 00:00:02:02 00:00:01:06 00:00:02:02" in edl


def test_time_code_counts_frames_of_broadcast_rates_without_dropping() -> None:
    assert cuts.timecode(1799, cuts.Fraction(30000, 1001)) == "00:00:59:29"


@pytest.mark.parametrize("name", ["upscale-realesrgan", "faces", "cuts-ffmpeg", "safety-nudenet"])
def test_nothing_joined_is_told_in_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(PipelineError, match="Nothing is joined"):
        run.run(name, "low", {}, Attempt(tmp_path))
