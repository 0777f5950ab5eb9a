"""DNA in SQL: the shipped pipeline on a literal and on a long text, and what is no DNA."""

import numpy as np
import psycopg
import pytest

from tests.sql.conftest import column, value

RUN = "SELECT open_analytic.pipeline_run('dna_feature_extractor', %s)"


@pytest.fixture
def dna(sql: psycopg.Connection[tuple[object, ...]]) -> psycopg.Connection[tuple[object, ...]]:
    info = value(sql, "SELECT open_analytic.pipeline_create('dna_feature_extractor')")
    assert (info["input"], info["output"], info["dim"]) == ("text", ["fragments"], 512)
    return sql


def test_a_text_gives_its_fragments(dna: psycopg.Connection[tuple[object, ...]]) -> None:
    result = value(dna, RUN, ">first\nAAAAAAA\n>second\nacguacgua\n")
    assert [(each["record"], each["start"], each["end"], len(each["emb"])) for each in result["fragments"]] == [
        ("first", 7, 14, 512), ("second", 23, 32, 512),
    ]  # fmt: skip
    # AAAAAAA: k-mer 0 in number 452 with the sign +, as tests/unit/operators/test_embed_dna.py calculates it.
    assert [at for at, number in enumerate(result["fragments"][0]["emb"]) if number] == [452]
    reverse = value(dna, RUN, "TACGTACGT")["fragments"][0]["emb"]
    assert reverse == result["fragments"][1]["emb"]


def test_a_text_can_be_longer_than_other_texts(dna: psycopg.Connection[tuple[object, ...]]) -> None:
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 150_000))
    count = f"SELECT jsonb_array_length(({RUN.removeprefix('SELECT ')}) -> 'fragments')"
    assert value(dna, count, text) == 1_500  # 1 + (150,000 - 150) / 100, rounded up


def test_what_is_no_dna_is_a_typed_error(dna: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.Error, match=r"'o' at character 5, in line 1, is no code of a base\.") as caught:
        dna.execute(RUN, ["ACG house"])
    assert caught.value.sqlstate == "OA026"
    errors = column(
        dna,
        "SELECT o.result -> 'error' ->> 'message' FROM unnest(%s::text[]) WITH ORDINALITY AS t (data, n),"
        " LATERAL (SELECT open_analytic.pipeline_run_batch('dna_feature_extractor',"
        " ARRAY[convert_to(t.data, 'UTF8')]) AS result) AS o ORDER BY t.n",
        [">a\n>b", "ACGTACGT", "ACG"],
    )
    assert errors == ["The text has no bases.", None, "The DNA has no 7 known bases in a row."]


def test_a_collection_of_genomes_is_searched_by_a_part(dna: psycopg.Connection[tuple[object, ...]]) -> None:
    random = np.random.default_rng(2)
    value(dna, "SELECT open_analytic.create_collection('genomes', 'dna_feature_extractor')")
    genomes = {name: "".join(random.choice(list("ACGT"), 400)) for name in ("ann", "bob")}
    for name, bases in genomes.items():
        dna.execute(
            "INSERT INTO genomes (text_name, part, text_data, feature, text_span) SELECT %s, n - 1,"
            " CASE n WHEN 1 THEN %s END, (f ->> 'emb')::vector, ARRAY[(f -> 'start')::int, (f -> 'end')::int]"
            " FROM jsonb_array_elements(open_analytic.pipeline_run('dna_feature_extractor', %s) -> 'fragments')"
            " WITH ORDINALITY AS t (f, n)",
            [name, bases, bases],
        )
    place = "open_analytic.region('genomes', name, part)"
    search = f"SELECT name || ' ' || {place}::text FROM open_analytic.search('genomes', %s, k => 1)"
    for name, bases in genomes.items():
        assert value(dna, search, bases[220:270]) == f'{name} {{"end": 350, "start": 200}}'
