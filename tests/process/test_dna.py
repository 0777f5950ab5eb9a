"""DNA on the command line and over HTTP: an option, a file, standard input, a body."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.process import site
from tests.process.runner import Cli

NAME = "dna_feature_extractor"
PLAIN = {"content-type": "text/plain; charset=utf-8"}
FASTA = ">one\nACGTACGTAC\n>two\nGATTACAGATTACA\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site.Home]:
    with site.home(tmp_path_factory.mktemp("dna")) as home:
        yield home


def test_the_command_line_and_http_give_the_same(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    assert run("pipeline", "create", NAME).out == f"{NAME} version 1: text -> fragments, 512 numbers a vector\n"
    file = tmp_path / "two.fasta"
    file.write_text(FASTA)
    result = run("--json", "pipeline", "run", NAME, "--text", FASTA).json
    assert [(each["record"], each["start"], each["end"]) for each in result["fragments"]] == [
        ("one", 5, 15), ("two", 21, 35),
    ]  # fmt: skip
    assert run("--json", "pipeline", "run", NAME, file).json == result
    assert run("--json", "pipeline", "run", NAME, "-", text=FASTA).json == result
    whole = run("--json", "pipeline", "run", NAME, file, "--param", "bases=20", "--param", "hop=5").json
    assert whole == result
    refused = run("--json", "pipeline", "run", NAME, "--text", "MKVL", code=3).error
    assert (refused["sqlstate"], refused["message"]) == (
        "OA026", "The text is no DNA: 'L' at character 3, in line 1, is no code of a base.",
    )  # fmt: skip
    with site.site(home) as (_, http):
        answer = http.post(f"/api/v1/pipelines/{NAME}/run", content=FASTA, headers=PLAIN)
        assert (answer.status_code, answer.json()) == (200, result)
        empty = http.post(f"/api/v1/pipelines/{NAME}/run", content=">one\n", headers=PLAIN)
        assert (empty.status_code, empty.json()["message"]) == (422, "The text has no bases.")


def test_genomes_are_imported_and_searched(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    with home.database() as db:
        db.pipeline_create(NAME)
    random = np.random.default_rng(9)
    genomes = {name: "".join(random.choice(list("ACGT"), 300)) for name in ("ann", "bob")}
    for name, bases in genomes.items():
        (tmp_path / f"{name}.fasta").write_text(f">{name}\n{bases}\n")
    run("collection", "create", "genomes", "--pipeline", NAME, "--column", "record:text")
    report = run("--json", "import", tmp_path, "--collection", "genomes").json
    assert (report["added"], report["rows"], report["failed"]) == (2, 6, [])
    (hit,) = run("--json", "search", "genomes", "--text", genomes["bob"][240:290], "-k", "1").json
    assert (hit["name"], hit["row"], hit["region"]) == ("bob.fasta", {"record": "bob"}, {"start": 155, "end": 305})
    with site.site(home) as (_, http):
        answer = http.post("/api/v1/collections/genomes/search", json={"text": genomes["bob"][240:290], "k": 1})
        assert answer.json() == [hit]
        assert http.get("/collections/genomes").status_code == 200
