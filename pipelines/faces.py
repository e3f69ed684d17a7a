"""Face identity: dlib finds the faces of a picture and gives each 128 numbers that are close for the same person."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import ImageDraw

from pipelines import pictures
from pipelines.spec import Output, PipelineError, Recipe, Result, RunContext

SAME_PERSON = 0.6
"""Closer embeddings than this are taken for one person, as the model's makers say."""
LONG_EDGE_PX = 1280
"""Larger pictures are made smaller first: the finder looks at every place in every size."""


def render(_recipe: Recipe, _options: Mapping[str, Any], context: RunContext) -> Result:
    """The local entry of `faces`: the picture with its faces marked, and JSON with an embedding for each."""
    picture = pictures.opened(pictures.only_input(context, "image"))
    picture.thumbnail((LONG_EDGE_PX, LONG_EDGE_PX))
    pixels = np.ascontiguousarray(np.asarray(picture))
    finder, landmarks, identity = _models()
    context.progress(20, "Looking for faces")
    boxes = list(finder(pixels, 1))
    if not boxes:
        raise PipelineError("There is no face in this picture that could be recognised. Take one that looks ahead.")
    faces: list[dict[str, Any]] = []
    marked = ImageDraw.Draw(picture)
    for number, box in enumerate(boxes):
        context.progress(40 + 55 * number / len(boxes), f"Face {number + 1} of {len(boxes)}")
        place = box.left(), box.top(), box.right(), box.bottom()
        vector = [round(float(value), 6) for value in identity.compute_face_descriptor(pixels, landmarks(pixels, box))]
        faces.append({"box": [place[0], place[1], place[2] - place[0], place[3] - place[1]], "embedding": vector})
        marked.rectangle(place, outline=(226, 88, 62), width=2)
        marked.text((place[0] + 4, place[1] + 2), str(number + 1), fill=(226, 88, 62))
    data, image = context.scratch / "faces.json", context.scratch / "faces.png"
    said = {"width": picture.width, "height": picture.height, "same_person": SAME_PERSON, "faces": faces}
    data.write_text(json.dumps(said, sort_keys=True) + "\n", encoding="utf-8")
    picture.save(image, "PNG")
    context.progress(100, "Done")
    facts = {"model": "dlib_face_recognition_resnet_model_v1", "dlib": version("dlib-bin"), "faces": str(len(faces))}
    return Result((Output(image, "image/png", *picture.size), Output(data, "application/json")), facts=facts)


@cache
def _models() -> tuple[Any, Any, Any]:
    """The finder, the landmarks and the identity network, loaded once."""
    dlib = import_module("dlib")
    weights = pictures.folder_of("face_recognition_models") / "models"
    return (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(weights / "shape_predictor_5_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(weights / "dlib_face_recognition_resnet_model_v1.dat")),
    )
