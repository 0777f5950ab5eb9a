"""The shipped pipeline of DNA: its result, genomes found by 50 bases, and hostile texts."""

import tracemalloc

import numpy as np
import pytest

from open_analytic.errors import BadText, OpenAnalyticError
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import preset
from open_analytic.types import Model, TextSpan


def models(name: str) -> Model:
    raise AssertionError(name)


@pytest.fixture(scope="module")
def pipeline() -> Plan:
    return plan(preset("dna_feature_extractor"), {})


def ran(pipeline: Plan, *texts: str) -> list[Result | OpenAnalyticError]:
    return run(pipeline, [text.encode() for text in texts], models, Limits())


def result(pipeline: Plan, text: str) -> Result:
    (each,) = ran(pipeline, text)
    assert isinstance(each, Result), each
    return each


def bases(random: np.random.Generator, count: int) -> str:
    return "".join(random.choice(list("ACGT"), count))


def test_the_plan_says_what_it_gives(pipeline: Plan) -> None:
    assert (pipeline.input, pipeline.input_columns.data_type) == ("text", "text")
    assert (pipeline.dim, pipeline.many) == (512, True)
    assert (pipeline.models, pipeline.output) == ((), ("fragments",))
    assert pipeline.region
    assert pipeline.region.region_type is TextSpan
    for words in ("no network", "k-mers", "knows nothing of function or evolution"):
        assert words in pipeline.spec.description


def test_a_text_gives_a_vector_a_fragment(pipeline: Plan) -> None:
    text = ">first of two\nAAAAAAA\n>second\naaaaaaag\n"
    each = result(pipeline, text)
    first, second = each.output["fragments"]
    # Of AAAAAAA: k-mer 0 in number 452 with the sign +, as tests/unit/operators/test_embed_dna.py calculates it.
    assert first == {"record": "first", "start": 14, "end": 21, "emb": [1.0 if at == 452 else 0.0 for at in range(512)]}
    assert {key: value for key, value in second.items() if key != "emb"} == {"record": "second", "start": 30, "end": 38}
    assert [feature.region for feature in each.features] == [TextSpan(start=14, end=21), TextSpan(start=30, end=38)]
    assert [dict(feature.attributes) for feature in each.features] == [
        {"record": "first", "start": 14, "end": 21}, {"record": "second", "start": 30, "end": 38},
    ]  # fmt: skip


def test_50_bases_with_3_per_cent_changed_find_their_genome_on_both_strands(pipeline: Plan) -> None:
    random = np.random.default_rng(3)
    genomes = [bases(random, 5_000) for _ in range(20)]
    features = [result(pipeline, text).features for text in genomes]
    rows = np.stack([feature.vector for each in features for feature in each])
    owners = np.repeat(np.arange(20), [len(each) for each in features])
    queries = []
    for text in genomes:
        start = random.integers(0, 4_951)
        letters = np.array(list(text[start : start + 50]))
        changed = random.random(50) < 0.03
        letters[changed] = random.choice(list("ACGT"), changed.sum())
        queries += ["".join(letters), "".join(letters)[::-1].translate(str.maketrans("ACGT", "TGCA"))]
    vectors = np.stack([result(pipeline, query).features[0].vector for query in queries])
    np.testing.assert_array_equal(vectors[::2], vectors[1::2])
    assert owners[(vectors[::2] @ rows.T).argmax(axis=1)].tolist() == list(range(20))


def test_a_plasmid_of_a_million_bases_is_read_in_bounded_memory(pipeline: Plan) -> None:
    text = bases(np.random.default_rng(4), 1_000_000)
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    tracemalloc.start()
    try:
        each = result(pipeline, f">plasmid\n{lines}\n")
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()
    # 1 + (1,000,000 - 150) / 100, rounded up; the last one ends with the last base before the last line break.
    assert len(each.features) == 10_000
    assert each.features[-1].region == TextSpan(start=1_014_142, end=1_014_294)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The text is empty."),
        (" \n\t", "The text is empty."),
        ("AC\0GT", "The text has a NUL at character 2."),
        (">a\n>b\n", "The text has no bases."),
        ("-" * 1_000_000, "The text has no bases."),
        (">\n" * 1_000_000, "The text has no bases."),
        (">" * 1_999_999 + "\n", "The text has no bases."),
        (">\nACGTACGT\n" * 10_001, "The text has 10,001 records; at most 10,000 are read."),
        ("\x01\x02\x03", r"The text is no DNA: '\x01' at character 0, in line 1, is no code of a base."),
        ("red house", "The text is no DNA: 'e' at character 1, in line 1, is no code of a base."),
        ("ACGTAC", "The DNA has no 7 known bases in a row."),
        ("N" * 2_000, "The DNA has no 7 known bases in a row."),
        ("A" * 1_000_051, "The DNA of 1,000,051 bases has 10,001 fragments; at most 10,000 are made."),
        ("A" * 2_000_001, "The text has 2,000,001 characters; at most 2,000,000 are read."),
    ],
    ids=range(14),
)
def test_a_hostile_text_is_one_typed_error_and_its_neighbours_go_on(pipeline: Plan, text: str, message: str) -> None:
    before, bad, after = ran(pipeline, "ACGTACGTA", text, "ACGTACGTA")
    assert isinstance(bad, BadText), bad
    assert (bad.message, bad.sqlstate) == (message, "OA026")
    assert bad.hint
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    assert before.output == after.output


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("ACGTA" * 30, [(0, 150)]),
        ("\ufeff>a\r\nacgtaca\r\n", [(4, 11)]),
        (f">{'x' * 1_000_000}\nACGTACGT", [(1_000_002, 1_000_010)]),
        ("\n" * 1_000_000 + "ACGTACGT", [(1_000_000, 1_000_008)]),
        (f"{'N' * 300}ACGTACGT{'N' * 300}", [(200, 350), (300, 450)]),
        ("A-C-G-T-A-C-G", [(0, 13)]),
        (">\u57fa\u56e0\nACGUACG", [(4, 11)]),
    ],
    ids=range(7),
)
def test_odd_texts_have_right_fragments(pipeline: Plan, text: str, spans: list[tuple[int, int]]) -> None:
    assert [(each["start"], each["end"]) for each in result(pipeline, text).output["fragments"]] == spans


def test_fragments_can_be_longer(pipeline: Plan) -> None:
    longer = plan(pipeline.spec, {}, {"bases": 1_000, "hop": 900})
    assert [(each["start"], each["end"]) for each in result(longer, "ACGT" * 600).output["fragments"]] == [
        (0, 1_000), (900, 1_900), (1_400, 2_400),
    ]  # fmt: skip
