"""Sounds and plain bytes in SQL, with both languages of the functions: one, many, a collection."""

from typing import Any

import numpy as np
import psycopg
import pytest

from tests import tiny_sounds
from tests.sql.conftest import column, create, value
from tests.tiny_sounds import wav

Sql = psycopg.Connection[Any]
RUN = "SELECT open_analytic.pipeline_run('sounds', %s::bytea)"
LOUD, QUIET = wav(np.full(800, 0.5)), wav(np.full(800, 0.25))
HALF = {"vector": [0.25, 0.5]}


@pytest.fixture
def sounds(sql: Sql) -> Sql:
    create(sql, "sounds", tiny_sounds.PIPELINE)
    return sql


def test_a_sound_runs_and_a_bad_one_is_a_typed_error(sounds: Sql) -> None:
    assert value(sounds, RUN, LOUD) == HALF
    with pytest.raises(psycopg.Error, match=r"The WAV file announces 1,600 bytes of samples and has 1,598\.") as caught:
        value(sounds, RUN, LOUD[:-2])
    assert caught.value.sqlstate == "OA027"
    batch = "SELECT open_analytic.pipeline_run_batch('sounds', %s::bytea[])"
    good, bad = column(sounds, batch, [LOUD, b"RIFF"])
    assert (good, bad["error"]["sqlstate"]) == (HALF, "OA027")
    (alone,) = column(sounds, batch, [b"RIFF"])
    assert alone["error"]["sqlstate"] == "OA027"


def test_a_collection_of_sounds_is_searched_by_one(sounds: Sql) -> None:
    value(sounds, "SELECT open_analytic.create_collection('recordings', 'sounds')::text")
    sounds.execute(
        "INSERT INTO recordings (audio_name, audio_data, feature, audio_sha256)"
        " SELECT name, data, open_analytic.embed('sounds', data), sha256(data)"
        " FROM unnest(ARRAY['loud', 'quiet'], %s::bytea[]) AS t (name, data)",
        [[LOUD, QUIET]],
    )
    search = "SELECT name FROM open_analytic.search('recordings', %s::bytea, k => 1)"
    assert [value(sounds, search, each) for each in (LOUD, QUIET)] == ["loud", "quiet"]
    with pytest.raises(psycopg.Error, match=r"The bytes are not a sound of a known format\.") as caught:
        value(sounds, search, b"a picture")
    assert caught.value.sqlstate == "OA027"


def test_windows_have_their_seconds(sql: Sql) -> None:
    create(sql, "windows", tiny_sounds.WINDOWS)
    value(sql, "SELECT open_analytic.create_collection('windows', 'windows')::text")
    sound = wav(np.concatenate([np.full(8_000, 0.5), np.full(4_000, 0.25)]))
    sql.execute(
        "INSERT INTO windows (audio_name, part, span, feature)"
        " SELECT 'a', n - 1, ARRAY[p ->> 'start', p ->> 'end']::float8[], (p ->> 'vector')::vector"
        " FROM jsonb_array_elements(open_analytic.pipeline_run('windows', %s::bytea) -> 'parts')"
        " WITH ORDINALITY AS t (p, n)",
        [sound],
    )
    region = (
        "SELECT open_analytic.region('windows', name, part) FROM open_analytic.search('windows', %s::bytea, k => 1)"
    )
    assert [value(sql, region, each) for each in (LOUD, QUIET)] == [{"start": 0, "end": 1}, {"start": 1, "end": 1.5}]
    assert value(sql, "SELECT array_agg(span ORDER BY part) FROM windows") == [[0, 1], [1, 1.5]]


def test_bytes_are_the_input_of_a_step(sql: Sql) -> None:
    decode = {"operator": "decode_audio", "max_seconds": 1, "output": "sound"}
    steps = [decode, tiny_sounds.EMBED | {"input": "sound"}]
    create(sql, "short", {"input": "bytes", "steps": steps, "output": {"vector": "vector"}})
    run = "SELECT open_analytic.pipeline_run('short', %s::bytea)"
    assert value(sql, run, LOUD) == HALF
    with pytest.raises(psycopg.Error, match=r"The sound has 1\.5 seconds; at most 1 are read\.") as caught:
        value(sql, run, wav(np.zeros(12_000)))
    assert caught.value.sqlstate == "OA027"
