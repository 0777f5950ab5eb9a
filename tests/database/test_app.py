"""The door: pipelines by name, versions that never mix, collections, and one ``db`` for all threads."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import (
    BadImage,
    BadParameter,
    BadVector,
    CannotConnect,
    InvalidPipeline,
    NotMigrated,
    PipelineInUse,
    UnknownCollection,
    UnknownPipeline,
    VersionMismatch,
)
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import load
from open_analytic.store import pipelines
from tests import tiny


def picture(red: int, green: int, blue: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 20), (red, green, blue)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "cards")


@pytest.fixture
def open_db(dsn: str, cards: Path, tmp_path: Path) -> Callable[[], OpenAnalytic]:
    """Opens the test's database, as another process would."""
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    return lambda: open_analytic.connect(dsn, settings=settings)


@pytest.fixture
def tiny_db(open_db: Callable[[], OpenAnalytic]) -> Iterator[OpenAnalytic]:
    with open_db() as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


def test_a_pipeline_runs_on_bytes_and_gives_json(tiny_db: OpenAnalytic) -> None:
    output = tiny_db.pipeline_run("mean_colour", picture(255, 0, 0))
    assert list(output) == ["feature"]
    assert output["feature"] == pytest.approx([1, 0, 0])
    (info,) = tiny_db.pipelines()
    assert (info.name, info.version, info.dim, info.input, info.output) == ("mean_colour", 1, 3, "bytes", ("feature",))


def test_a_version_is_planned_once_and_a_new_one_again(tiny_db: OpenAnalytic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service opens the collection for each search."""
    plans: list[str] = []

    def counted(*arguments: Any, **keywords: Any) -> Any:
        plans.append(arguments[0].name)
        return plan(*arguments, **keywords)

    monkeypatch.setattr("open_analytic.pipeline.plan_cache.plan", counted)
    tiny_db.create_collection("photos", pipeline="mean_colour").add("red", picture(250, 0, 0))
    for _ in range(3):
        assert [hit.name for hit in tiny_db.collection("photos").search(picture(250, 0, 0))] == ["red"]
    assert plans == ["mean_colour"]
    whole = tiny.PIPELINE | {"output": {"feature": "feature", "colours": "colours"}}
    assert tiny_db.pipeline_create("mean_colour", whole).version == 2
    assert sorted(tiny_db.pipeline_run("mean_colour", picture(250, 0, 0))) == ["colours", "feature"]
    assert [hit.name for hit in tiny_db.collection("photos").search(picture(250, 0, 0))] == ["red"]
    assert plans == ["mean_colour"] * 2


def test_many_run_in_order_and_a_bad_one_is_an_error_in_its_place(tiny_db: OpenAnalytic) -> None:
    items = [picture(0, 0, 255), b"", picture(0, 255, 0)] * 20
    results = list(tiny_db.pipeline_run_many("mean_colour", iter(items), batch_size=7))
    assert len(results) == 60
    for blue, bad, green in zip(*[iter(results)] * 3, strict=True):
        assert isinstance(bad, BadImage)
        assert blue["feature"] == pytest.approx([0, 0, 1])
        assert green["feature"] == pytest.approx([0, 1, 0])


def test_what_is_not_bytes_is_told_so(tiny_db: OpenAnalytic) -> None:
    with pytest.raises(BadParameter, match="A pipeline takes bytes, not str"):
        tiny_db.pipeline_run("mean_colour", "photo.jpg")


def test_an_unknown_pipeline_tells_how_to_create_it(tiny_db: OpenAnalytic) -> None:
    with pytest.raises(UnknownPipeline, match=r"pipeline_create\('face_analyzer'\)"):
        tiny_db.pipeline_run("face_analyzer", picture(1, 2, 3))
    with pytest.raises(UnknownPipeline, match="general_feature_extractor"):
        tiny_db.pipeline_create("no_such_preset")


def test_the_same_definition_is_the_same_version_and_another_a_new_one(tiny_db: OpenAnalytic) -> None:
    assert tiny_db.pipeline_create("mean_colour", tiny.PIPELINE).version == 1
    fitted = [{**step, "fit": "cover"} if step["operator"] == "embed" else step for step in tiny.PIPELINE["steps"]]
    assert tiny_db.pipeline_create("mean_colour", {**tiny.PIPELINE, "steps": fitted}).version == 2


def test_a_new_version_is_seen_by_who_is_connected_already(
    tiny_db: OpenAnalytic, open_db: Callable[[], OpenAnalytic]
) -> None:
    with open_db() as other:
        assert set(other.pipeline_run("mean_colour", picture(1, 2, 3))) == {"feature"}
        renamed = {**tiny.PIPELINE, "output": {"colour": "feature"}}
        other.pipeline_create("mean_colour", renamed)
        assert set(other.pipeline_run("mean_colour", picture(1, 2, 3))) == {"colour"}


def test_a_collection_stays_with_the_version_it_was_created_with(tiny_db: OpenAnalytic) -> None:
    first = tiny_db.create_collection("first", pipeline="mean_colour")
    tiny_db.pipeline_create("mean_colour", {**tiny.PIPELINE, "output": {"colour": "feature"}})
    second = tiny_db.create_collection("second", pipeline="mean_colour")
    assert (first.info.version, second.info.version) == (1, 2)
    assert tiny_db.collection("first").info.version == 1
    assert len(tiny_db.collection("first").vector(picture(9, 9, 9))) == 3


def test_a_model_that_was_exchanged_is_refused_not_mixed_in(
    tiny_db: OpenAnalytic, open_db: Callable[[], OpenAnalytic], cards: Path
) -> None:
    tiny_db.create_collection("colours", pipeline="mean_colour")
    card = cards / "mean_colour.toml"
    card.write_text(card.read_text().replace("std    = [255, 255, 255]", "std    = [1, 2, 3]"))
    with open_db() as other:
        with pytest.raises(VersionMismatch, match="have changed since"):
            other.pipeline_run("mean_colour", picture(1, 2, 3))
        with pytest.raises(VersionMismatch, match="have changed since"):
            other.collection("colours").vector(picture(1, 2, 3))
        assert other.pipeline_create("mean_colour", tiny.PIPELINE).version == 2


def test_a_pipeline_in_use_is_not_dropped(tiny_db: OpenAnalytic) -> None:
    tiny_db.create_collection("colours", pipeline="mean_colour")
    with pytest.raises(PipelineInUse):
        tiny_db.pipeline_drop("mean_colour")
    tiny_db.drop_collection("colours")
    tiny_db.pipeline_drop("mean_colour")
    with pytest.raises(UnknownPipeline):
        tiny_db.pipeline_run("mean_colour", picture(1, 2, 3))
    with pytest.raises(UnknownCollection):
        tiny_db.collection("colours")


def test_a_collection_needs_a_pipeline_with_one_vector(tiny_db: OpenAnalytic) -> None:
    faces = {
        "steps": [
            {"operator": "decode_image", "output": "image"},
            {"operator": "detect_faces", "model": "centerface", "input": "image", "output": "faces"},
        ],
        "output": {"faces": "faces"},
    }
    tiny_db.pipeline_create("faces", faces)
    with pytest.raises(InvalidPipeline, match="gives no vector"):
        tiny_db.create_collection("boxes", pipeline="faces")


def test_a_query_is_a_picture_a_path_or_a_vector(tiny_db: OpenAnalytic, tmp_path: Path) -> None:
    colours = tiny_db.create_collection("colours", pipeline="mean_colour")
    colours.import_vectors([("red", [1, 0, 0], None), ("green", [0, 1, 0], None)])
    path = tmp_path / "query.png"
    path.write_bytes(picture(200, 0, 0))
    for query in (path.read_bytes(), path, str(path), [1, 0, 0]):
        assert [hit.name for hit in colours.search(query, k=1)] == ["red"]
    with pytest.raises(BadVector):
        colours.search([1, 0])
    no_queries: list[Any] = [object(), [10**400, 0, 0], ["x"]]
    for bad in no_queries:
        with pytest.raises(BadParameter, match="A query is"):
            colours.search(bad)


def test_options_are_one_value_or_keywords(tiny_db: OpenAnalytic) -> None:
    colours = tiny_db.create_collection("colours", pipeline="mean_colour")
    colours.import_vectors([("red", [1, 0, 0], None), ("green", [0, 1, 0], None)])
    red = open_analytic.SearchOptions(k=1, filter="image_name < 'red' IS FALSE")
    query = [0, 1, 0]
    (hit,) = colours.search(query, options=red)
    assert hit.name == "red"
    assert colours.search(query, k=1, filter="image_name < 'red' IS FALSE") == [hit]
    assert [hit.name for hit in colours.search(query, options=red, k=2, filter=None)] == ["green", "red"]
    assert colours.explain_search(query, options=red)["done"]["rows"] == 1
    assert "k => 1, filter => 'image_name < ''red'' IS FALSE'" in colours.statement(query, options=red)
    assert colours.evaluate(queries=1, options=red).k == 1


def test_where_still_works_and_warns_at_the_call(tiny_db: OpenAnalytic) -> None:
    colours = tiny_db.create_collection("colours", pipeline="mean_colour")
    colours.import_vectors([("red", [1, 0, 0], None), ("green", [0, 1, 0], None)])
    where = "image_name <> 'green'"
    calls: list[Callable[[], Any]] = [
        lambda: [hit.name for hit in colours.search([0, 1, 0], where=where)],
        lambda: colours.explain_search([0, 1, 0], where=where)["done"]["rows"],
        lambda: "filter => " in colours.statement([0, 1, 0], where=where),
        lambda: colours.evaluate(queries=1, where=where).queries,
    ]
    for call, answer in zip(calls, [["red"], 1, True, 1], strict=True):
        with pytest.warns(DeprecationWarning, match="where is deprecated: use filter") as caught:
            assert call() == answer
        assert [warning.filename for warning in caught] == [__file__]


def test_one_db_is_shared_by_threads(tiny_db: OpenAnalytic) -> None:
    colours = tiny_db.create_collection("colours", pipeline="mean_colour")

    def work(number: int) -> tuple[str, float]:
        colour = (number * 10 % 256, number, 255 - number)
        report = colours.import_vectors(
            [(str(number), tiny_db.pipeline_run("mean_colour", picture(*colour))["feature"], None)]
        )
        assert report.added == 1
        hit = colours.search(picture(*colour), k=1)[0]
        return hit.name, hit.distance

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(work, range(64)))
    assert colours.count() == 64
    assert max(distance for _, distance in results) < 0.01


def test_a_server_without_our_schema_is_left_alone(empty_dsn: str) -> None:
    with pytest.raises(NotMigrated, match="open-analytic db upgrade"):
        open_analytic.connect(empty_dsn)


def test_a_wrong_dsn_says_where_and_not_the_password() -> None:
    with pytest.raises(CannotConnect) as error:
        open_analytic.connect("postgresql://anna:hunter2@127.0.0.1:1/photos")
    assert "hunter2" not in str(error.value)
    assert "127.0.0.1" in str(error.value)


def test_the_embedded_server_is_made_and_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPEN_ANALYTIC_DSN", raising=False)
    with open_analytic.connect(home=tmp_path / "home") as db:
        assert db.pipelines() == []
        assert db.collections() == []
    assert (tmp_path / "home").is_dir()


def resized(count: int) -> dict[str, Any]:
    """A definition whose pictures are resized to 4096 x 4096 ``count`` times: 24 are beyond the budget."""
    names = ["image", *(f"step{number}" for number in range(count))]
    steps = [
        {"operator": "resize", "size": 4096 - number % 2, "input": names[number], "output": names[number + 1]}
        for number in range(count)
    ]
    decode, embed, normalize = tiny.PIPELINE["steps"]
    return tiny.PIPELINE | {"steps": [decode, *steps, embed | {"input": names[-1]}, normalize]}


def test_a_definition_beyond_the_budget_runs_when_an_earlier_version_registered_it(
    tiny_db: OpenAnalytic, open_db: Callable[[], OpenAnalytic]
) -> None:
    with pytest.raises(InvalidPipeline, match="pixels of one input"):
        tiny_db.pipeline_create("large", resized(24))
    stored = plan(load(resized(24), "large"), tiny_db.library.cards, registered=True)
    with tiny_db._database.transaction() as connection:
        pipelines.register(connection, stored)
    with open_db() as db:
        assert db.pipeline_run("large", picture(0, 255, 0))["feature"] == pytest.approx([0, 1, 0])
        assert db.pipeline_create("large", resized(24)).version == 1
        photos = db.create_collection("photos", pipeline="large")
        assert photos.add("green", picture(0, 255, 0)).added == 1
        with pytest.raises(InvalidPipeline, match="pixels of one input"):
            db.pipeline_create("larger", resized(25))
