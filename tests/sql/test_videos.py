"""Videos in SQL, with both languages of the functions: one, many, and a bad one."""

from typing import Any

import psycopg
import pytest

from tests import tiny_videos
from tests.sql.conftest import column, create, value
from tests.tiny_videos import BLUE, RED, scenes

Sql = psycopg.Connection[Any]
FILM = scenes((RED, 3), (BLUE, 2))
RUN = "SELECT open_analytic.pipeline_run('videos', %s::bytea)"
FRAMES = [
    {"seconds": seconds, "feature": pytest.approx([each / 255 for each in colour], abs=0.03)}
    for seconds, colour in ((0, RED), (2, RED), (3, BLUE))
]


@pytest.fixture
def videos(sql: Sql) -> Sql:
    create(sql, "videos", tiny_videos.PIPELINE)
    return sql


def test_a_video_runs_and_a_bad_one_is_a_typed_error(videos: Sql) -> None:
    assert value(videos, RUN, FILM) == {"frames": FRAMES}
    with pytest.raises(psycopg.Error, match=r"The video was cut off: it announces [\d,]+ bytes") as caught:
        value(videos, RUN, FILM[:-20])
    assert caught.value.sqlstate == "OA028"
    batch = "SELECT open_analytic.pipeline_run_batch('videos', %s::bytea[])"
    good, bad = column(videos, batch, [FILM, b"#EXTM3U"])
    assert (good, bad["error"]["sqlstate"]) == ({"frames": FRAMES}, "OA028")
    (alone,) = column(videos, batch, [b"#EXTM3U"])
    assert alone["error"]["sqlstate"] == "OA028"


def test_a_collection_of_videos_names_the_second(sql: Sql) -> None:
    parts = {"number": "frames.number", "seconds": "frames.seconds", "feature": "colours"}
    create(sql, "videos", tiny_videos.PIPELINE | {"output": {"frames": parts}})
    value(sql, "SELECT open_analytic.create_collection('films', 'videos')::text")
    columns = "SELECT name_column, data_column, region FROM open_analytic.collections"
    assert sql.execute(columns).fetchone() == ("video_name", "video_data", "frame")
    sql.execute(
        "INSERT INTO films (video_name, part, frame, feature, video_sha256)"
        " SELECT 'a.mp4', n - 1, ARRAY[(f ->> 'number')::float8, (f ->> 'seconds')::float8],"
        " (f ->> 'feature')::public.vector, sha256(%s::bytea)"
        " FROM jsonb_array_elements(open_analytic.pipeline_run('videos', %s::bytea) -> 'frames')"
        " WITH ORDINALITY AS t (f, n)",
        [FILM, FILM],
    )
    search = (
        "SELECT s.name, open_analytic.region('films', s.name, s.part)"
        " FROM open_analytic.search('films', %s::public.vector, k => 1) AS s"
    )
    assert sql.execute(search, [str([each / 255 for each in BLUE])]).fetchone() == (
        "a.mp4", {"number": 30, "seconds": 3},
    )  # fmt: skip
