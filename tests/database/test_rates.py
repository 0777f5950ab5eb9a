"""Calibration on labelled pairs, and verification by what it measured: through Python, on a real database."""

import dataclasses
import io
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from PIL import Image

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import (
    BadParameter,
    BadVector,
    InvalidPipeline,
    PermissionDenied,
    Uncalibrated,
    UnknownPipeline,
    UnreadableFile,
    UnsupportedImage,
)
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import preset
from open_analytic.store import pipelines, rates
from open_analytic.store.connection import Connection, Database
from open_analytic.types import Progress, Rate, RateTable
from tests import tiny
from tests.unit.pipeline.test_rates import shipped

Pair: TypeAlias = tuple[bytes, bytes, bool]
HUES = {
    "red": (250, 10, 10),
    "green": (10, 250, 10),
    "blue": (10, 10, 250),
    "grey": (90, 90, 90),
    "pink": (250, 9, 200),
}


def picture(colour: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 20), colour).save(file, "PNG")
    return file.getvalue()


def shades() -> list[tuple[str, bytes]]:
    """Five of each hue: 50 pairs of one hue, 250 of two."""
    return [
        (hue, picture(tuple(max(0, value - 4 * step * (place + 1)) for place, value in enumerate(colour))))
        for hue, colour in HUES.items()
        for step in range(5)
    ]


def pairs() -> list[Pair]:
    return [(a, b, one == other) for (one, a), (other, b) in combinations(shades(), 2)]


@pytest.fixture
def open_db(dsn: str, tmp_path: Path) -> Callable[[], OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    return lambda: open_analytic.connect(dsn, settings=settings)


@pytest.fixture
def tiny_db(open_db: Callable[[], OpenAnalytic]) -> Iterator[OpenAnalytic]:
    with open_db() as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


def test_what_was_measured_decides_from_then_on(tiny_db: OpenAnalytic) -> None:
    done = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades of five hues")
    table = done.table
    assert (done.skipped, done.failed) == (0, ())
    assert (table.pipeline, table.version, table.metric, table.source) == (
        "mean_colour",
        1,
        "l2",
        "shades of five hues",
    )
    assert (table.same_pairs, table.different_pairs) == (50, 250)
    assert [(line.false_accept_rate, line.false_accepts) for line in table.rates] == [(0.1, 25), (0.01, 2)]
    assert tiny_db.pipeline_rates("mean_colour") == [table]

    result = tiny_db.verify(picture((250, 10, 10)), picture((240, 12, 12)), "mean_colour")
    (_, line) = table.rates
    assert dataclasses.asdict(result) == {
        "same": True,
        "distance": pytest.approx(0.0139, abs=1e-3),  # of (250, 10, 10) and (240, 12, 12), each of length 1
        "threshold": line.distance,
        "false_accept_rate": 0.01,
        "true_accept_rate": line.true_accept_rate,
    }
    other = tiny_db.verify(picture((250, 10, 10)), picture((10, 250, 10)), "mean_colour")
    assert not other.same
    assert other.distance == pytest.approx((2 - 2 * 5100 / 62700) ** 0.5)  # 5100: 250 * 10 + 10 * 250 + 10 * 10


def test_it_is_decided_at_the_largest_rate_that_is_not_above_the_one_asked_for(tiny_db: OpenAnalytic) -> None:
    tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades")
    one, other = picture((250, 10, 10)), picture((240, 12, 12))
    results = [tiny_db.verify(one, other, "mean_colour", false_accept_rate=rate) for rate in (0.01, 0.05, 0.1, 0.5)]
    assert [each.false_accept_rate for each in results] == [0.01, 0.01, 0.1, 0.1]
    with pytest.raises(BadParameter, match=r"0\.001 cannot be measured with the 250 different pairs") as caught:
        tiny_db.verify(one, other, "mean_colour", false_accept_rate=0.001)
    assert "There are: 0.1, 0.01." in (caught.value.hint or "")


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_is_a_share(tiny_db: OpenAnalytic, rate: float) -> None:
    tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades")
    with pytest.raises(BadParameter, match="false_accept_rate is"):
        tiny_db.verify(picture((1, 2, 3)), picture((1, 2, 3)), "mean_colour", false_accept_rate=rate)


def test_without_a_table_nothing_is_decided_and_no_picture_is_read(tiny_db: OpenAnalytic) -> None:
    with pytest.raises(Uncalibrated, match="'mean_colour'") as caught:
        tiny_db.verify(b"no picture", b"none", "mean_colour")
    assert "pipeline calibrate mean_colour --pairs FILE" in (caught.value.hint or "")
    assert tiny_db.pipeline_rates("mean_colour") == []
    with pytest.raises(UnknownPipeline):
        tiny_db.verify(b"", b"")
    with pytest.raises(UnknownPipeline):
        tiny_db.pipeline_rates("nothing")


def test_paths_bytes_and_vectors_are_compared_alike(tiny_db: OpenAnalytic, tmp_path: Path) -> None:
    tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades")
    data = [picture((250, 10, 10)), picture((10, 250, 10))]
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file, content in zip(files, data, strict=True):
        file.write_bytes(content)
    vectors = [tiny_db.pipeline_run("mean_colour", content)["feature"] for content in data]
    first = tiny_db.verify(data[0], data[1], "mean_colour")
    for a, b in (files, map(str, files), vectors, (files[0], vectors[1])):
        assert tiny_db.verify(a, b, "mean_colour") == first


def test_an_error_says_which_of_the_two_it_is(tiny_db: OpenAnalytic, tmp_path: Path) -> None:
    tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades")
    good: Any = picture((1, 2, 3))
    with pytest.raises(UnsupportedImage, match=r"^b: "):
        tiny_db.verify(good, b"words", "mean_colour")
    with pytest.raises(UnreadableFile, match=r"^a: .*missing"):
        tiny_db.verify(tmp_path / "missing.png", good, "mean_colour")
    with pytest.raises(BadParameter, match=r"^a is a picture's bytes, a path or a vector of numbers, not NoneType"):
        tiny_db.verify(None, good, "mean_colour")  # type: ignore[arg-type]
    with pytest.raises(BadVector, match="b has 2, pipeline 'mean_colour' gives 3"):
        tiny_db.verify(good, [1.0, 2.0], "mean_colour")


def test_pictures_that_fail_take_their_own_pairs_out_and_no_others(tiny_db: OpenAnalytic, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    good = pairs()
    bad: list[Any] = [(tmp_path / "words.png", good[0][0], True), (b"words", tmp_path / "missing.png", False)]
    seen: list[Progress] = []
    done = tiny_db.pipeline_calibrate("mean_colour", bad + good, source="shades", progress=seen.append)
    assert (done.skipped, done.table.same_pairs, done.table.different_pairs) == (2, 50, 250)
    assert [(failure.name, type(failure.error)) for failure in done.failed] == [
        (str(tmp_path / "words.png"), UnsupportedImage),
        ("picture 3", UnsupportedImage),
        (str(tmp_path / "missing.png"), UnreadableFile),
    ]
    assert (seen[-1].done, seen[-1].total, seen[-1].failed) == (28, 28, 3)  # each picture once


def test_where_every_picture_fails_the_first_reason_is_told(tiny_db: OpenAnalytic, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="missing"):
        tiny_db.pipeline_calibrate("mean_colour", [(tmp_path / "missing", b"words", True)], source="shades")


def test_what_cannot_be_measured_is_refused_and_keeps_nothing(tiny_db: OpenAnalytic) -> None:
    with pytest.raises(BadParameter, match="0 same and 0 different pairs are too few"):
        tiny_db.pipeline_calibrate("mean_colour", [], source="none")
    with pytest.raises(BadParameter, match="source"):
        tiny_db.pipeline_calibrate("mean_colour", pairs(), source=" ")
    with pytest.raises(BadParameter, match="'l1'"):
        tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades", metric="l1")  # type: ignore[arg-type]
    steps = [
        {"operator": "decode_image", "output": "image"},
        {"operator": "detect_faces", "model": "centerface", "input": "image", "output": "faces"},
    ]
    tiny_db.pipeline_create("places", {"steps": steps, "output": {"boxes": "faces.box"}})
    with pytest.raises(InvalidPipeline, match="'places' gives no vector"):
        tiny_db.pipeline_calibrate("places", pairs(), source="shades")
    assert tiny_db.pipeline_rates("mean_colour") == []


@pytest.mark.parametrize("label", ["0", "same", None, 2, 0.5])
def test_a_label_that_is_neither_true_nor_false_is_refused(tiny_db: OpenAnalytic, label: Any) -> None:
    for wrong in ((b"", b"", label), (b"", b""), (b"", None, True), 5):
        with pytest.raises(BadParameter, match="Pair 301 is not"):
            tiny_db.pipeline_calibrate("mean_colour", [*pairs(), wrong], source="shades")  # type: ignore[list-item]


def test_many_pairs_are_measured_in_parts(tiny_db: OpenAnalytic, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades").table
    monkeypatch.setattr("open_analytic.verification.CHUNK", 7)
    parts = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades").table
    assert dataclasses.replace(parts, measured_at=whole.measured_at) == whole


def test_each_metric_has_a_table_and_a_new_measurement_takes_the_place_of_the_old(tiny_db: OpenAnalytic) -> None:
    first = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="first").table
    cosine = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="by angle", metric="cosine").table
    assert tiny_db.pipeline_rates("mean_colour") == [cosine, first]
    second = tiny_db.pipeline_calibrate("mean_colour", pairs()[:200], source="second").table
    assert tiny_db.pipeline_rates("mean_colour") == [cosine, second]
    one, other = picture((250, 10, 10)), picture((10, 250, 10))
    by_angle = tiny_db.verify(one, other, "mean_colour", metric="cosine")
    assert not by_angle.same
    assert by_angle.distance == pytest.approx(1 - 5100 / 62700)


def test_a_new_version_has_to_be_measured_anew(tiny_db: OpenAnalytic) -> None:
    tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades")
    decode, *steps = tiny.PIPELINE["steps"]
    tiny_db.pipeline_create("mean_colour", tiny.PIPELINE | {"steps": [decode | {"shrink_to": 100}, *steps]})
    with pytest.raises(Uncalibrated):
        tiny_db.verify(picture((1, 2, 3)), picture((1, 2, 3)), "mean_colour")


def table_of(name: str, version: int, hash: str, **changes: Any) -> RateTable:  # noqa: A002 - the field's name
    report = shipped()
    head = {key: report[key] for key in ("metric", "same_pairs", "different_pairs", "source")}
    lines = tuple(Rate(**line) for line in report["rates"])
    return RateTable(pipeline=name, version=version, hash=hash, rates=lines, **(head | changes))


def test_the_table_that_ships_is_found_by_the_hash_under_any_name(connection: Connection, settings: Settings) -> None:
    from open_analytic.models.library import Library

    faces = plan(preset("face_feature_extractor"), Library(settings).cards)
    for name in ("face_feature_extractor", "visitors"):
        info = pipelines.register(connection, dataclasses.replace(faces, name=name))
        (stored,) = rates.get(connection, name)
        assert stored == table_of(name, info.version, faces.hash, measured_at=stored.measured_at)
        assert stored.measured_at.isoformat() == shipped()["measured_at"]


def test_a_table_of_ones_own_goes_before_the_one_that_ships(connection: Connection, settings: Settings) -> None:
    from open_analytic.models.library import Library

    faces = plan(preset("face_feature_extractor"), Library(settings).cards)
    info = pipelines.register(connection, faces)
    (shipped_table,) = rates.get(connection, info.name)
    own = dataclasses.replace(shipped_table, source="our badges", rates=shipped_table.rates[:1])
    rates.keep(connection, own)
    assert rates.get(connection, info.name) == [own]
    connection.execute("DELETE FROM open_analytic.distance_rates")
    assert rates.get(connection, info.name) == [shipped_table]


def test_writing_a_table_is_an_admins(tiny_db: OpenAnalytic, database: Database) -> None:
    table = tiny_db.pipeline_calibrate("mean_colour", pairs(), source="shades").table
    with database.transaction() as connection:
        connection.execute("SET LOCAL ROLE open_analytic_user")
        assert rates.get(connection, "mean_colour") == [table]
        with pytest.raises(PermissionDenied):
            rates.keep(connection, table)
    with database.transaction() as connection:
        connection.execute("SET LOCAL ROLE open_analytic_admin")
        rates.keep(connection, table)
