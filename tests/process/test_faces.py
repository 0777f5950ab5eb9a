"""Faces from the command line: every face a row, found again with its box, framed on the contact sheet."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from open_analytic.config import Settings
from tests.process.runner import make

pytestmark = pytest.mark.models


def test_a_face_is_found_by_another_picture_of_it(tmp_path: Path, settings: Settings) -> None:
    astronaut = Image.fromarray(data.astronaut())
    (tmp_path / "people").mkdir()
    astronaut.save(tmp_path / "people" / "astronaut.jpg")
    pair = Image.new("RGB", (1024, 512), "white")
    pair.paste(astronaut, (0, 0))
    pair.paste(astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    pair.save(tmp_path / "people" / "pair.jpg")
    Image.fromarray(data.coffee()).save(tmp_path / "people" / "coffee.jpg")
    astronaut.crop((120, 0, 330, 260)).save(tmp_path / "query.png")

    cli = make(tmp_path, tmp_path, OPEN_ANALYTIC_MODELS_DIR=str(settings.models_dir.resolve()))
    cli("pipeline", "create", "face_feature_extractor")
    cli("collection", "create", "people", "--pipeline", "face_feature_extractor", "--param", "face=all")
    report = cli("import", "people", "--collection", "people", "--json").json
    assert (report["added"], report["without_regions"], report["rows"], report["failed"]) == (2, 1, 4, [])
    assert report["without_face"] == 1  # the older name

    hits = cli("search", "people", "query.png", "--max-distance", "0.6", "--sheet", "found.png", "--json").json
    assert sorted(hit["name"] for hit in hits) == ["astronaut.jpg", "pair.jpg", "pair.jpg"]
    (alone,) = [hit["box"] for hit in hits if hit["name"] == "astronaut.jpg"]
    left, right = sorted((hit["box"] for hit in hits if hit["name"] == "pair.jpg"), key=lambda box: box["x"])
    assert left["x"] == pytest.approx(alone["x"], abs=8)
    assert right["x"] + right["width"] == pytest.approx(1024 - alone["x"], abs=8)
    with Image.open(tmp_path / "found.png") as sheet:
        green = abs(np.asarray(sheet).astype(int) - [0x00, 0xC2, 0x75]).max(axis=2) < 20
    assert green.sum() > 3 * 100

    assert "NoFace" in cli("search", "people", "people/coffee.jpg", "--json", code=3).err
    many = cli("pipeline", "run", "face_feature_extractor", "people/pair.jpg", "--param", "face=all", "--json").json
    assert [len(vector) for vector in many["face_emb"]] == [128, 128]
