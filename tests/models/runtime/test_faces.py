"""Real networks on real faces: the same person lies below 0.6 (L2), as dlib's authors say, and others above."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from open_analytic.errors import NoFace
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.run import Result
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.local import LocalEngine

pytestmark = [pytest.mark.models, pytest.mark.photos]


def result(engine: LocalEngine, library: Library, name: str, data: bytes, **parameters: Any) -> Result:
    (first,) = engine.run(plan(preset(name), library.cards, parameters), [data])
    assert isinstance(first, Result), first
    return first


def sheet(files: list[Path], side: int = 300, scale: int = 1) -> bytes:
    """A JPEG with the pictures beside each other."""
    whole = Image.new("RGB", (side * len(files), side))
    for place, file in enumerate(files):
        with Image.open(file) as picture:
            whole.paste(picture.convert("RGB").resize((side, side)), (place * side, 0))
    output = io.BytesIO()
    whole.resize((whole.width * scale, whole.height * scale)).save(output, "JPEG", quality=95)
    return output.getvalue()


def test_one_person_is_near_and_others_are_far(
    engine: LocalEngine, library: Library, people: dict[str, list[Path]]
) -> None:
    extractor = plan(preset("face_feature_extractor"), library.cards)
    files = [(person, file) for person, photos in people.items() for file in photos]
    results = list(engine.run_many(extractor, (file.read_bytes() for _, file in files)))
    known = [
        (person, each.output["face_emb"])
        for (person, _), each in zip(files, results, strict=True)
        if isinstance(each, Result)
    ]
    assert len(known) == len(files)
    vectors = np.array([vector for _, vector in known])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.array([[one == other for one, _ in known] for other, _ in known])
    upper = np.triu(np.ones_like(same), 1)
    near, far = distances[same & upper], distances[~same & upper]
    assert (near[:, None] < far[None]).mean() > 0.999  # area under the ROC curve
    assert (near < 0.6).mean() > 0.98
    assert (far > 0.6).mean() > 0.98


def test_all_faces_of_a_picture_are_given_with_their_boxes(
    engine: LocalEngine, library: Library, people: dict[str, list[Path]]
) -> None:
    data = sheet([photos[0] for photos in people.values()])
    faces = result(engine, library, "face_feature_extractor", data, face="all")
    assert [len(vector) for vector in faces.output["face_emb"]] == [128] * 5
    assert sorted(int(feature.box.x // 300) for feature in faces.features if feature.box) == [0, 1, 2, 3, 4]


def test_faces_are_told_apart_and_described(
    engine: LocalEngine, library: Library, people: dict[str, list[Path]]
) -> None:
    data = sheet([photos[0] for photos in people.values()])
    result_ = result(engine, library, "face_analyzer", data)
    (faces,) = result_.output.values()
    keys = ["box", "score", "landmarks", "age", "gender", "gender_score", "face_emb"]
    assert [list(face) for face in faces] == [keys] * 5
    for face, feature in zip(faces, result_.features, strict=True):
        assert set(face["box"]) == {"x", "y", "width", "height"}
        assert np.shape(face["landmarks"]) == (5, 2)
        assert face["gender"] in ("female", "male")
        assert 0.5 <= face["gender_score"] <= 1
        assert 1 < face["age"] < 80
        assert len(face["face_emb"]) == 128
        assert dict(feature.attributes) == {key: face[key] for key in ("score", "age", "gender", "gender_score")}
        assert np.array_equal(feature.vector, np.float32(face["face_emb"]))


def test_boxes_are_in_the_pixels_of_a_picture_that_was_shrunk(
    engine: LocalEngine, library: Library, people: dict[str, list[Path]]
) -> None:
    files = [photos[0] for photos in list(people.values())[:2]]
    small = result(engine, library, "face_analyzer", sheet(files, 400)).output["faces"]
    large = result(engine, library, "face_analyzer", sheet(files, 400, scale=6)).output["faces"]  # decoded at a half
    for one, other in zip(*(sorted(faces, key=lambda face: face["box"]["x"]) for faces in (small, large)), strict=True):
        assert [other["box"][key] / 6 for key in one["box"]] == pytest.approx(list(one["box"].values()), abs=8)
        assert np.array(other["landmarks"]) / 6 == pytest.approx(np.array(one["landmarks"]), abs=5)
        assert np.linalg.norm(np.subtract(one["face_emb"], other["face_emb"])) < 0.3


def test_a_picture_without_faces_is_an_empty_list_or_an_error(engine: LocalEngine, library: Library) -> None:
    output = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 120, 60)).save(output, "PNG")
    empty = result(engine, library, "face_analyzer", output.getvalue())
    assert (empty.output, empty.features) == ({"faces": []}, ())
    for face in ("largest", "all"):
        extractor = plan(preset("face_feature_extractor"), library.cards, {"face": face})
        (error,) = engine.run(extractor, [output.getvalue()])
        assert isinstance(error, NoFace)
