"""A collection of genomes: fragments are rows with their spans, and 50 bases of either strand find their genome."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadText
from open_analytic.types import TextSpan

NAME = "dna_feature_extractor"
REVERSED = str.maketrans("ACGT", "TGCA")


def fasta(name: str, bases: str) -> str:
    return f">{name} whole genome\n" + "\n".join(bases[at : at + 60] for at in range(0, len(bases), 60)) + "\n"


@pytest.fixture(scope="module")
def genomes() -> Mapping[str, str]:
    """Three of 1,000 bases, which give ten fragments each: 1 + (1,000 - 150) / 100, rounded up."""
    random = np.random.default_rng(6)
    return {name: "".join(random.choice(list("ACGT"), 1_000)) for name in ("ann", "bob", "eve")}


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    with open_analytic.connect(dsn, settings=Settings.read({}, models_dir=tmp_path / "models")) as db:
        db.pipeline_create(NAME)
        yield db


@pytest.fixture
def dna(db: OpenAnalytic, genomes: Mapping[str, str]) -> Collection:
    collection = db.create_collection("genomes", pipeline=NAME, columns={"record": "text", "start": "integer"})
    report = collection.import_items([(name, fasta(name, bases)) for name, bases in genomes.items()])
    assert (report.added, report.rows, report.failed) == (3, 30, ())
    return collection


def test_fragments_are_rows_with_their_places(db: OpenAnalytic, dna: Collection, genomes: Mapping[str, str]) -> None:
    assert (dna.info.many, dna.info.region, dna.info.dim, dna.info.inputs.data) == (True, "text_span", 512, "text_data")
    # The header of "ann" has 18 characters with its line break, and a line has 61: base i is at 18 + i + i // 60.
    places = [18 + base + base // 60 for base in (*range(0, 900, 100), 850)]
    ends = [18 + base + base // 60 + 1 for base in (*range(149, 1_000, 100), 999)]
    ours = [row for row in dna if row.name == "ann"]
    assert [row.region for row in ours] == [TextSpan(start=a, end=b) for a, b in zip(places, ends, strict=True)]
    assert [dict(row.row) for row in ours] == [{"record": "ann", "start": start} for start in places]
    with psycopg.connect(db.dsn) as connection:
        cut = "substr(w.text_data, n.text_span[1] + 1, n.text_span[2] - n.text_span[1])"
        statement = f"SELECT {cut} FROM genomes n JOIN genomes w USING (text_name) WHERE w.part = 0 AND n.part = 3"
        fragments = {text.replace("\n", "") for (text,) in connection.execute(statement.encode())}
    assert fragments == {bases[300:450] for bases in genomes.values()}


@pytest.mark.parametrize("reverse", [False, True])
def test_50_bases_find_their_genome_and_their_place(
    dna: Collection, genomes: Mapping[str, str], *, reverse: bool
) -> None:
    for name, bases in genomes.items():
        query = bases[520:570].replace("A", "G", 2)  # changed bases: two of the first ones that are A
        query = query[::-1].translate(REVERSED) if reverse else query.lower()
        (hit,) = dna.search(f">query\n{query}\n", k=1)
        assert (hit.name, dict(hit.row)) == (name, {"record": name, "start": 18 + 500 + 8})
        assert dna.search(query, k=1)[0].name == name
        assert [hit.name for hit in dna.search(query, k=1, filter="record <> 'bob'")] != ["bob"]


def test_what_is_no_dna_is_neither_stored_nor_searched(dna: Collection) -> None:
    report = dna.import_items([("protein", ">p\nMKVL"), ("none", "NNNN"), ("short", "ACGTACGT")])
    assert (report.added, report.rows) == (1, 1)
    assert {failure.name: type(failure.error) for failure in report.failed} == {"protein": BadText, "none": BadText}
    with pytest.raises(BadText, match="'L' at character 3"):
        dna.search("MKVL")


def test_genomes_are_imported_from_folders_and_tables(
    db: OpenAnalytic, genomes: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "genomes"
    folder.mkdir()
    (folder / "ann.fasta").write_text(fasta("ann", genomes["ann"]))
    (folder / "bob.fna").write_text(genomes["bob"].lower())
    (folder / "eve.FA").write_text(fasta("eve", genomes["eve"]).replace("\n", "\r\n"), newline="")
    with (tmp_path / "genomes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["name", "text"], *((name, fasta(name, bases)) for name, bases in genomes.items())])
    lines = [json.dumps({"name": name, "text": fasta(name, bases)}) for name, bases in genomes.items()]
    (tmp_path / "genomes.jsonl").write_text("\n".join(lines))
    for number, (source, names) in enumerate(
        [(folder, ["ann.fasta", "bob.fna", "eve.FA"]), (tmp_path / "genomes.csv", list(genomes)),
         (tmp_path / "genomes.jsonl", list(genomes))]
    ):  # fmt: skip
        collection = db.create_collection(f"genomes_{number}", pipeline=NAME)
        report = collection.import_files(source)
        assert (report.added, report.rows, report.failed, report.left_out) == (3, 30, (), ())
        for name, bases in zip(names, genomes.values(), strict=True):
            assert collection.search(bases[111:161], k=1)[0].name == name


def test_a_collection_can_have_longer_fragments(db: OpenAnalytic, genomes: Mapping[str, str]) -> None:
    longer = db.create_collection("longer", pipeline=NAME, parameters={"bases": 600, "hop": 500})
    assert longer.add("ann", genomes["ann"]).rows == 2
    assert longer.search(genomes["ann"][700:900], k=1)[0].region == TextSpan(start=400, end=1_000)
