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
