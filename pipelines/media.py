"""Films and sounds through ffmpeg: where the program is, raw pictures in and H.264 out, what a file really is."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from pipelines.spec import Output, PipelineError

THREADS = 2
"""Fixed, because x264's bits depend on it."""
KILLED_SECONDS = 5.0
PICTURE_SECONDS = 60.0
_SEEN = re.compile(r"Stream #0:\d+.*: Video: ")
# The matrix, the range and the tags agree, so that no player has to guess.
BT709 = [
    "-vf",
    (
        "scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,"
        "format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    ),
]
_KNOWN_RATES = [Fraction(n, d) for n, d in ((24000, 1001), (30000, 1001), (60000, 1001))]
_VIDEO = re.compile(r"Stream #0:\d+.*?: Video: .*?, (\d+)x(\d+)[, ]")
_FPS = re.compile(r"Stream #0:\d+.*?: Video: .*?, ([\d.]+) fps")
_FRAMES = re.compile(r"frame=\s*(\d+)")
_TURNED = re.compile(r"rotation of (-?[\d.]+) degrees")
_HERTZ = re.compile(r"Stream #0:\d+.*?: Audio: .*?, (\d+) Hz")
_SAMPLES = re.compile(r"Number of samples: (\d+)")
SAME_BYTES = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]


def is_here() -> bool:
    """Whether this node has ffmpeg."""
    return find_spec("imageio_ffmpeg") is not None or shutil.which("ffmpeg") is not None


def ffmpeg() -> str:
    """The program: the one of the package imageio-ffmpeg, else one on PATH. Raises PipelineError."""
    if find_spec("imageio_ffmpeg") is not None:
        get = cast("Callable[[], str]", import_module("imageio_ffmpeg").get_ffmpeg_exe)
        return get()
    found = shutil.which("ffmpeg")
    if found is None:
        raise PipelineError("This farm node has no ffmpeg; its keeper can install Workprint's extra `video`")
    return found


@cache
def version() -> str:
    """What the program says that it is, such as "ffmpeg 9.0.2"; the bytes of a film depend on it."""
    first = subprocess.run([ffmpeg(), "-version"], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - our own arguments
    return f"ffmpeg {first[2] if len(first) > 2 else 'unknown'}"  # noqa: PLR2004 - ffmpeg version 9.0.2


@contextmanager
def h264(path: Path, size: tuple[int, int], rate: str, *, crf: int = 18) -> Generator[Callable[[bytes], None]]:
    """Takes pictures (RGB, eight bits, rows from the top) and makes an MP4 of them that plays while it loads.

    The file is there when the block ends; ffmpeg is gone whichever way it ends. Raises PipelineError.
    """
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", rate, "-i", "pipe:0"]
    codec = ["-an", "-c:v", "libx264", "-preset", "fast", "-crf", str(crf), "-threads", str(THREADS)]
    last = ["-movflags", "+faststart", "-f", "mp4", f"file:{path}"]
    with _running([*given, *codec, *BT709, *SAME_BYTES, *last], stdin=subprocess.PIPE) as process:
        into = cast("IO[bytes]", process.stdin)

        def write(picture: bytes) -> None:
            try:
                into.write(picture)
            except BrokenPipeError:
                _ended(process)

        yield write
        with suppress(BrokenPipeError):
            into.close()
        _ended(process)


def read_words(arguments: Sequence[str], check: Callable[[], None], *, every_seconds: float = 0.25) -> str:
    """What ffmpeg says on its error channel at the level info; `check` may raise to stop it. Raises PipelineError."""
    with _running(arguments, stdin=subprocess.DEVNULL, level="info") as process:
        told = ""
        while True:
            try:
                _, last = process.communicate(timeout=every_seconds)
                break
            except subprocess.TimeoutExpired:
                check()
        told = last.decode(errors="replace")
        if process.returncode:
            raise PipelineError(_words(told))
        return told


def as_it_is(output: Output, check: Callable[[], None]) -> Output:
    """A film or a sound with the size, frames and rate that its file has, whatever was asked for or told.

    Anything else, and everything where there is no ffmpeg, stays as it is. `check` may raise to stop it. Raises
    PipelineError when the file is none.
    """
    kind = output.media_type.partition("/")[0]
    if kind not in ("video", "audio") or not is_here():
        return output
    return _film(output, check) if kind == "video" else _sound(output, check)


def _film(output: Output, check: Callable[[], None]) -> Output:
    told = _told(output, ["-map", "0:v:0", "-c", "copy"], check)
    shown, frames, rate = _VIDEO.search(told), _FRAMES.findall(told), _FPS.search(told)
    if shown is None or not frames:
        raise PipelineError(f"What came back as {output.path.name} is called a film, but is none")
    width, height = int(shown[1]), int(shown[2])
    turned = _TURNED.search(told)
    if turned is not None and round(float(turned[1])) % 180:
        width, height = height, width
    known = rate_of(float(rate[1])) if rate is not None else None
    said = f"{known.numerator}/{known.denominator}" if known else output.rate
    return replace(output, width=width, height=height, frames=int(frames[-1]), rate=said)


def _sound(output: Output, check: Callable[[], None]) -> Output:
    count = "astats=measure_perchannel=none:measure_overall=Number_of_samples"
    told = _told(output, ["-map", "0:a:0", "-af", count], check)
    hertz, samples = _HERTZ.search(told), _SAMPLES.findall(told)
    if hertz is None or not samples:
        raise PipelineError(f"What came back as {output.path.name} is called a sound, but is none")
    return replace(output, frames=int(samples[-1]), rate=f"{hertz[1]}/1")


def _told(output: Output, how: Sequence[str], check: Callable[[], None]) -> str:
    try:
        return read_words(["-i", f"file:{output.path}", *how, "-f", "null", "-"], check)
    except PipelineError as error:
        if type(error) is not PipelineError:  # somebody wants the attempt to end
            raise
        raise PipelineError(f"What came back as {output.path.name} cannot be read: it is no whole file") from error


def rate_of(shown: float) -> Fraction:
    """The rate that ffmpeg means: it shows two decimals, and the broadcast rates have more."""
    for known in _KNOWN_RATES:
        if abs(float(known) - shown) < 0.006:  # noqa: PLR2004 - half of the last decimal
            return known
    return Fraction(shown).limit_denominator(100)


def has_pictures(source: Path, check: Callable[[], None]) -> bool:
    """Whether there is anything to be seen in a sound: a film under another name, or the cover of a record."""
    told = read_words(["-i", f"file:{source}", "-map", "0", "-c", "copy", "-t", "0.1", "-f", "null", "-"], check)
    return _SEEN.search(told) is not None


def poster(source: Path, target: Path) -> None:
    """A typical picture of a film as a PNG; raises PipelineError."""
    _one_picture(["-i", f"file:{source}", "-vf", "thumbnail=24", "-an"], target)


def waves(source: Path, target: Path) -> None:
    """The waves of a sound as a PNG; raises PipelineError."""
    _one_picture(["-i", f"file:{source}", "-filter_complex", "showwavespic=s=512x288:colors=0xc9c5bd"], target)


def _one_picture(how: Sequence[str], target: Path) -> None:
    with _running([*how, "-frames:v", "1", f"file:{target}"], stdin=subprocess.DEVNULL) as process:
        try:
            _, told = process.communicate(timeout=PICTURE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise PipelineError("A small picture of the result took too long to make") from error
        if process.returncode or not target.exists():
            raise PipelineError(_words(told.decode(errors="replace")))


@contextmanager
def one_a_second(source: Path, folder: Path, check: Callable[[], None]) -> Generator[list[Path]]:
    """Pictures of a film, one for each second and always the first, in files that are gone afterwards.

    Raises PipelineError, and whatever `check` raises.
    """
    with TemporaryDirectory(dir=folder, prefix="frames-") as name:
        pattern = f"file:{name}/%06d.jpg"
        # It is asked for by those who must have seen everything: a film with holes is none that was looked at.
        whole = ["-xerror", "-err_detect", "explode", "-i", f"file:{source}"]
        read_words([*whole, "-an", "-vf", "fps=1:start_time=0:round=up", "-q:v", "2", pattern], check)
        first = Path(name) / "first.jpg"
        read_words(["-i", f"file:{source}", "-an", "-frames:v", "1", "-q:v", "2", f"file:{first}"], check)
        yield sorted(Path(name).iterdir())


@contextmanager
def _running(arguments: Sequence[str], *, stdin: int, level: str = "error") -> Generator[subprocess.Popen[bytes]]:
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", level, "-y", "-protocol_whitelist", "file,pipe"]
    process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        [*command, *arguments],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(KILLED_SECONDS)
        for pipe in (process.stdin, process.stderr):
            if pipe is not None and not pipe.closed:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end and raise PipelineError when it was not a good one."""
    told = cast("IO[bytes]", process.stderr).read().decode(errors="replace")
    if process.wait():
        raise PipelineError(_words(told))


def _words(told: str) -> str:
    last = told.strip().splitlines()[-1:] or ["it said nothing"]
    return f"The film could not be made or read: {last[0][:200]}"
