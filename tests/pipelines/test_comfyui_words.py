"""What the runner says of a ComfyUI server that was started otherwise than a tier wants."""

import pytest

from pipelines.runners import comfyui_words

FLAGS: dict[str, tuple[list[str], list[str], str]] = {
    "as wanted": (["--lowvram"], ["main.py", "--lowvram"], ""),
    "by itself": (["--normalvram"], ["main.py"], ""),
    "nothing wanted": ([], ["main.py", "--highvram"], ""),
    "too little": (["--highvram"], ["main.py"], "--highvram, which"),
    "another": (["--normalvram"], ["main.py", "--lowvram"], "--normalvram (it has --lowvram), which"),
    "with a value": (["--reserve-vram"], ["main.py", "--reserve-vram=2"], ""),
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_compared_as_the_server_understands_them(name: str) -> None:
    wanted, argv, told = FLAGS[name]
    said = comfyui_words.started_otherwise(wanted, argv)
    assert (told in said) if told else said == ""
