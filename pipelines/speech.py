"""Speech: espeak-ng reads the words of a shot into a WAV file, with the voices of espeakng-loader.

`python -m pipelines.speech VOICE WORDS_PER_MINUTE PITCH FILE` is what runs the library, in a process of its own: it
remembers what it said last and would say it a little differently the second time.
"""

import ctypes
import subprocess
import sys
import wave
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines import pictures
from pipelines.spec import Output, PipelineError, Recipe, Result, RunContext

_RETRIEVAL, _UTF8, _OK = 1, 1, 0
_RATE, _PITCH = 1, 3
_BUFFER_MS = 200
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
LONGEST_CHARS = 20_000
LOOK_SECONDS = 0.25


def render(recipe: Recipe, _options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `speech-espeak`: 16-bit mono WAV of the direct prompt in the scratch folder."""
    prompt: Mapping[str, str] = recipe.get("prompt") or {}
    words = " ".join(str(prompt.get("direct") or "").split())[:LONGEST_CHARS]
    if not words:
        raise PipelineError("There are no words to speak. Write them as the prompt of the shot.")
    parameters: Mapping[str, Any] = recipe["parameters"]
    context.progress(5, "Speaking")
    path = context.scratch / "speech.wav"
    settings = [str(parameters[name]) for name in ("voice", "words_per_minute", "pitch")]
    _run([*settings, str(path)], words, context)
    with wave.open(str(path)) as file:
        frames, hertz = file.getnframes(), file.getframerate()
    context.progress(100, "Done")
    output = Output(path, "audio/wav", frames=frames, rate=f"{hertz}/1")
    return Result((output,), facts={"engine": f"espeak-ng of espeakng-loader {version('espeakng-loader')}"})


def _run(arguments: list[str], words: str, context: RunContext) -> None:
    """Run this module as a program; what `context.check` raises ends it."""
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "pipelines.speech", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    said: bytes | None = words.encode("utf-8", "replace")
    with process:
        try:
            while True:
                try:
                    _, told = process.communicate(said, timeout=LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    said = None
                    context.check()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        words_said = told.decode(errors="replace").strip().splitlines() or ["The speech engine broke on this farm node"]
        raise PipelineError(words_said[-1][:300])


def speak(voice: str, words_per_minute: int, pitch: int, path: Path, words: bytes) -> None:
    """Write the words as WAV; raises PipelineError. Once in a process."""
    folder = pictures.folder_of("espeakng_loader")
    libraries = [each for suffix in ("so", "dylib", "dll") for each in sorted(folder.glob(f"*espeak-ng*.{suffix}"))]
    if not libraries:
        raise PipelineError("The espeak-ng library is not on this farm node")
    engine = ctypes.CDLL(str(libraries[0]))
    hertz = int(engine.espeak_Initialize(_RETRIEVAL, _BUFFER_MS, str(folder / "espeak-ng-data").encode(), 0))
    if hertz <= 0 or engine.espeak_SetVoiceByName(voice.encode()) != _OK:
        raise PipelineError(f"espeak-ng on this farm node has no voice called {voice}")
    engine.espeak_SetParameter(_RATE, words_per_minute, 0)
    engine.espeak_SetParameter(_PITCH, pitch, 0)
    chunks: list[bytes] = []

    def heard(samples: Any, count: int, _events: object) -> int:  # noqa: ANN401 - a pointer of C
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = _CALLBACK(heard)
    engine.espeak_SetSynthCallback(callback)
    data = words + b"\0"
    failed = engine.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, _UTF8, None, None)
    engine.espeak_Synchronize()
    if failed != _OK or not chunks:
        raise PipelineError("There is nothing in these words that this voice can speak")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(hertz)
        file.writeframes(b"".join(chunks))


def main(arguments: list[str]) -> int:
    """The program; the exit status."""
    voice, words_per_minute, pitch, path = arguments
    try:
        speak(voice, int(words_per_minute), int(pitch), Path(path), sys.stdin.buffer.read())
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
