"""A plugin from a wheel: the same from Python, SQL and the command line; a broken one ends only what is its own."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.pipeline.spec import presets
from tests import plugin
from tests.process.runner import REPOSITORY, Cli, make
from tests.process.serving import client, served

DATA = "abba cab"
OTHER: Mapping[str, str] = {
    "other_plugin/__init__.py": "",
    "other_plugin/operators.py": plugin.OPERATORS,
    "other_plugin/broken.py": "import nothing_of_this_name",
    "other_plugin/presets/__init__.py": "",
    "other_plugin/presets/general_feature_extractor.toml": plugin.PRESET,
    "other_plugin/bad_presets/__init__.py": "",
    "other_plugin/bad_presets/bad.toml": "steps = [",
}
POINTS: Mapping[str, Mapping[str, str]] = {
    "operators": {
        "letters": "other_plugin.operators:letters", "embed": "other_plugin.operators:letters",
        "gone": "other_plugin.broken:operator", "number": "other_plugin.operators:NONE",
        "kind": "other_plugin.operators:WORD", "words_of": "other_plugin.operators:letters_of",
    },
    "tasks": {"wrong": "other_plugin.operators:WORD", "taste": "other_plugin.operators:TASK"},
    "presets": {"first": "other_plugin.presets", "second": "other_plugin.bad_presets", "third": "nothing.at_all"},
}  # fmt: skip


DIGEST = {"steps": [{"operator": "digest", "output": "digest"}], "output": {"digest": "digest"}}


@dataclass(frozen=True)
class Place:
    cli: Cli
    home: Path

    def python(self, text: str) -> Any:
        """What a program prints, as JSON."""
        words = [sys.executable, "-c", f"import json, open_analytic as oa\n{text}"]
        done = subprocess.run(
            words,
            cwd=self.home.parent,
            env=self.cli.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def place(folder: Path, *sites: Path) -> Place:
    path = ":".join(map(str, [*sites, REPOSITORY]))
    home = folder / "home"
    cli = make(folder, folder, OPEN_ANALYTIC_HOME=str(home), OPEN_ANALYTIC_SERVICE_START="0", PYTHONPATH=path)
    return Place(cli, home)


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("letters")
    letters = place(folder, plugin.install(folder))
    yield letters
    embedded.stop(letters.home)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """With another plugin that has names of the first and of the package, and modules that do not work."""
    folder = tmp_path_factory.mktemp("both")
    plugin.install(folder)
    return place(folder, plugin.install(folder, "other-plugin", OTHER, POINTS))


def test_a_plugin_gives_the_same_everywhere(letters: Place) -> None:
    (letters.home.parent / "text").write_text(DATA)
    letters.cli("pipeline", "create", "letters")
    output = letters.python(f"with oa.connect() as db:\n    print(json.dumps(db.pipeline_run('letters', {DATA!r})))")
    assert output == {"feature": pytest.approx([3 / 19**0.5, 3 / 19**0.5, 1 / 19**0.5, 0])}
    assert letters.cli("--json", "pipeline", "run", "letters", "text").json == output
    assert letters.cli("--json", "pipeline", "run", "letters", "--text", DATA).json == output
    with embedded.start(letters.home) as server, served(letters.cli), psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT open_analytic.pipeline_run('letters', %s::text)", [DATA]).fetchone()
        assert row == (output,)


def test_bytes_reach_an_operator_as_they_are_and_too_many_are_refused(letters: Place) -> None:
    data = b"\x00RIFF\xff" * 100
    (letters.home.parent / "data").write_bytes(data)
    (letters.home.parent / "digest.json").write_text(json.dumps(DIGEST))
    letters.cli("pipeline", "create", "digest", "--definition", "digest.json")
    output = {"digest": list(hashlib.sha256(data).digest()[:4])}
    run = f"with oa.connect({{}}) as db:\n    print(json.dumps(db.pipeline_run('digest', {data!r})))"
    assert letters.python(run.format("")) == output
    assert letters.cli("--json", "pipeline", "run", "digest", "data").json == output
    few = replace(letters.cli, environment={**letters.cli.environment, "OPEN_ANALYTIC_MAX_BYTES": "599"})
    assert few("--json", "pipeline", "run", "digest", "data", code=3).error["sqlstate"] == "OA013"
    with embedded.start(letters.home) as server, served(letters.cli) as service:
        with psycopg.connect(server.dsn) as connection:
            row = connection.execute("SELECT open_analytic.pipeline_run('digest', %s::bytea)", [data]).fetchone()
            assert row == (output,)
        with client(service.http()) as http:
            assert http.post("/api/v1/pipelines/digest/run", content=data).json() == output
    assert letters.python(
        "import dataclasses\n"
        "from open_analytic.errors import OpenAnalyticError\n"
        "from open_analytic.config import Settings\n"
        "with oa.connect(settings=dataclasses.replace(Settings.read(), max_bytes=599)) as db:\n"
        "    good, bad = db.pipeline_run_many('digest', [b'', bytes(600)])\n"
        "    print(json.dumps([good['digest'], bad.as_dict()]))"
    ) == [
        list(hashlib.sha256(b"").digest()[:4]),
        {
            "type": "ImageTooLarge", "sqlstate": "OA013", "hint": "OPEN_ANALYTIC_MAX_BYTES raises it.",
            "message": "The input has 600 bytes; at most 599 are read.",
        },
    ]  # fmt: skip


def test_a_collection_of_a_plugins_vectors(letters: Place) -> None:
    letters.cli("pipeline", "create", "letters")
    assert letters.python(
        "with oa.connect() as db:\n"
        "    texts = db.create_collection('texts', pipeline='letters')\n"
        "    texts.import_pictures([('a', b'aaa'), ('b', b'bbb'), ('d', b'ddd')])\n"
        "    print(json.dumps([hit.name for hit in texts.search(b'bbbba', k=2)]))"
    ) == ["b", "a"]


def test_a_kind_of_a_plugin_has_parts_and_regions(letters: Place) -> None:
    definition = {
        "steps": [
            {"operator": "words", "output": "words"},
            {"operator": "letters_of", "input": "words", "size": 2, "output": "counts"},
        ],
        "output": {"words": {"word": "words.text", "counts": "counts"}},
    }
    answer = letters.python(
        "with oa.connect() as db:\n"
        f"    db.pipeline_create('words', {definition!r})\n"
        "    (result,) = db.engine.run(db.plan('words'), [b'abba cab'])\n"
        "    words = db.create_collection('words', pipeline='words', columns={'word': 'text'})\n"
        "    words.add('text', b'abba cab')\n"
        "    regions = [[each.region.start, each.region.end] for each in result.features]\n"
        "    rows = [[row.row['word'], row.region.start, row.region.end] for row in words]\n"
        "    print(json.dumps([result.output, regions, rows]))"
    )
    assert answer == [
        {"words": [{"word": "abba", "counts": [2.0, 2.0]}, {"word": "cab", "counts": [1.0, 1.0]}]},
        [[0, 4], [5, 8]],
        [["abba", 0, 4], ["cab", 5, 8]],
    ]
    with embedded.start(letters.home) as server, served(letters.cli), psycopg.connect(server.dsn) as connection:
        connection.execute("SELECT open_analytic.create_collection('more', 'words')")
        column = "SELECT text_span FROM {} ORDER BY part"
        rows = [connection.execute(column.format(table).encode()).fetchall() for table in ("words", "more")]
        assert rows == [[([0, 4],), ([5, 8],)], []]


def planned(*steps: dict[str, Any]) -> str:
    """A program that prints the error of a plan, or None."""
    definition = {"steps": [*steps], "output": {"feature": "feature"}}
    return (
        "from open_analytic.errors import OpenAnalyticError\n"
        "from open_analytic.pipeline.plan import plan\n"
        "from open_analytic.pipeline.spec import load\n"
        "try:\n"
        f"    plan(load({definition!r}, 'mine'), {{}})\n"
        "    print(json.dumps(None))\n"
        "except OpenAnalyticError as error:\n"
        "    print(json.dumps([error.sqlstate, error.message]))"
    )


LETTERS = {"operator": "letters", "output": "feature"}


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        ("letters", "'letters' of open_analytic.operators comes from letters-plugin 1.0 and from other-plugin 1.0."),
        ("embed", "'embed' of open_analytic.operators comes from open-analytic and from other-plugin 1.0."),
        ("gone", "The plugin other-plugin 1.0 does not work: other_plugin.broken:operator, its 'gone' of "
                 "open_analytic.operators: ModuleNotFoundError: No module named 'nothing_of_this_name'."),
        ("number", "The plugin other-plugin 1.0 does not work: other_plugin.operators:NONE, its 'number' of "
                   "open_analytic.operators: AttributeError: module 'other_plugin.operators' has no attribute 'NONE'."),
        ("kind", "The plugin other-plugin 1.0 does not work: other_plugin.operators:WORD, its 'kind' of "
                 "open_analytic.operators: it is no Operator, but Kind."),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_work_is_named(both: Place, operator: str, message: str) -> None:
    assert both.python(planned(LETTERS | {"operator": operator})) == ["OA080", message]


def test_what_comes_with_the_package_goes_on_beside_a_broken_plugin(both: Place) -> None:
    resize = {"operator": "resize", "size": 32, "input": "image", "output": "feature"}
    refused = both.python(planned({"operator": "decode_image", "output": "image"}, resize))
    assert refused == ["OA016", "output.feature: 'feature' is an image, which JSON cannot hold."]
    names = both.python("from open_analytic.pipeline.spec import all_presets\nprint(json.dumps(list(all_presets())))")
    assert names == sorted([*presets(), "letters"])


@pytest.mark.parametrize(
    ("name", "sqlstate", "message"),
    [
        ("face_analyzer", None, None),
        ("letters", None, None),
        ("general_feature_extractor", "OA080",
         "'general_feature_extractor' of open_analytic.presets comes from open-analytic and from other-plugin 1.0."),
        ("nothing", "OA080", "The plugin other-plugin 1.0 does not work: other_plugin.bad_presets, its 'second' of "
                             "open_analytic.presets: The definition is not TOML"),
    ],
)  # fmt: skip
def test_a_preset_comes_from_one_place(both: Place, name: str, sqlstate: str | None, message: str | None) -> None:
    error = both.python(
        "from open_analytic.errors import OpenAnalyticError\n"
        "from open_analytic.pipeline.spec import preset\n"
        "try:\n"
        f"    print(json.dumps([None, None]) if preset({name!r}) else '')\n"
        "except OpenAnalyticError as error:\n"
        "    print(json.dumps([error.sqlstate, error.message]))"
    )
    assert error[0] == sqlstate
    assert (error[1] or "").startswith(message or "")


def test_an_operator_that_fails_is_the_error_of_its_item(letters: Place) -> None:
    definition = {"steps": [{"operator": "words", "output": "words"}], "output": {"words": "words"}}
    result = letters.python(
        "with oa.connect() as db:\n"
        f"    db.pipeline_create('plain_words', {definition!r})\n"
        "    good, bad = db.pipeline_run_many('plain_words', [b'a b', b'\\xff'])\n"
        "    print(json.dumps([good, bad.sqlstate, bad.message]))"
    )
    assert result == [
        {"words": [{"text": "a", "start": 0}, {"text": "b", "start": 2}]},
        "OA080",
        "The plugin's operator letters_plugin.operators._words failed: UnicodeDecodeError: 'utf-8' codec can't decode "
        "byte 0xff in position 0: invalid start byte.",
    ]


CARD = """\
name    = "speller"
task    = "{task}"
licence = "Apache-2.0"
source  = "file:speller.onnx"

[input]
name = "text"
{input}

[outputs.vectors]
name  = "vectors"
shape = [4]
"""

INPUTS = {
    "strings": 'type = "strings"',
    "waveform": 'type = "waveform"\nrate = 16000\nsamples = 16000',
}


@pytest.mark.parametrize(
    ("task", "type_", "message"),
    [
        ("spelling", "strings", None),
        ("spelling", "waveform", "one of a model that takes waveform"),
        ("nothing", "strings", "spelling"),
        ("wrong", "strings", "its 'wrong' of open_analytic.tasks: it is no tuple of the types of inputs"),
    ],
)
def test_a_card_has_a_task_of_a_plugin(both: Place, task: str, type_: str, message: str | None) -> None:
    (both.home.parent / "speller.toml").write_text(CARD.format(task=task, input=INPUTS[type_]))
    outcome = both.python(
        "from pathlib import Path\n"
        "from open_analytic.errors import OpenAnalyticError\n"
        "from open_analytic.models.card import read_card\n"
        "try:\n"
        "    print(json.dumps(read_card(Path('speller.toml')).task))\n"
        "except OpenAnalyticError as error:\n"
        "    print(json.dumps([error.message, error.hint]))"
    )
    assert (outcome == task) if message is None else any(message in str(part) for part in outcome)


def test_doctor_lists_plugins_and_what_each_adds(letters: Place, both: Place) -> None:
    checks = letters.cli("doctor", "--json", code=None).json
    assert [check for check in checks if check["name"].startswith("plugin")] == [
        {
            "name": "plugin letters-plugin",
            "state": "ok",
            "detail": "1.0: operators digest, letters, letters_of, words; kinds word; tasks spelling; presets letters",
            "hint": None,
        }
    ]
    checks = both.cli("doctor", "--json", code=1).json
    other = [check for check in checks if check["name"] == "plugin other-plugin"]
    assert other[0] | {"hint": None} == {
        "name": "plugin other-plugin",
        "state": "ok",
        "detail": "1.0: operators words_of; tasks taste; presets general_feature_extractor",
        "hint": None,
    }
    assert {check["state"] for check in other[1:]} == {"broken"}
    assert [check["detail"].partition(" does not work: ")[2].partition(",")[0] for check in other[1:]] == [
        "",  # embed, which the package has too
        "other_plugin.broken:operator",
        "other_plugin.operators:WORD",
        "",  # letters, which the other plugin has too
        "other_plugin.operators:NONE",
        "other_plugin.operators:WORD",
        "other_plugin.bad_presets",
        "nothing.at_all",
    ]
    assert "database" in [check["name"] for check in checks]
