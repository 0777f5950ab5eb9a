"""Each command does what it says, for people and as JSON, with its exit code."""

import json
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from open_analytic.errors import BadParameter, StorageFull, UnknownCollection, UnknownPipeline
from tests import tiny
from tests.process.runner import NAMES, REPOSITORY, Cli, make
from tests.unit.cli.commands import ALL


def test_a_pipeline_from_creation_to_drop(cli: Cli, cards: Path) -> None:
    decode, *steps = tiny.PIPELINE["steps"]
    definition = json.dumps(tiny.PIPELINE | {"steps": [decode | {"shrink_to": 100}, *steps]})
    created = cli("pipeline", "create", "other", "--definition", "-", "--json", text=definition).json
    assert (created["name"], created["version"], created["dim"], created["output"]) == ("other", 1, 3, ["feature"])
    assert cli("pipeline", "create", "other", "--definition", cards / "pipeline.json").out == (
        "other version 2: bytes -> feature, 3 numbers a vector\n"
    )
    listed = {info["name"]: info["version"] for info in cli("pipeline", "list", "--json").json}
    assert listed["other"] == 2
    assert "other" in cli("pipeline", "list").out
    assert (
        cli("pipeline", "show", "other", "--json").json["definition"]["description"] == "The mean colour of a picture."
    )
    assert "step 2: embed(image) -> colours, model mean_colour\n" in cli("pipeline", "show", "other").out
    definition = cli("pipeline", "show", "other", "--definition").out
    again = cli("pipeline", "create", "other", "--definition", "-", "--json", text=definition)
    assert again.json["version"] == 2  # the same definition is the same version
    assert cli("pipeline", "drop", "other", "--json").json == {"dropped": "other"}
    assert cli("pipeline", "show", "other", code=UnknownPipeline.exit_code).out == ""


def test_a_pipeline_runs_on_a_picture_as_python_does(cli: Cli, pictures: Path) -> None:
    output = cli("pipeline", "run", "mean_colour", pictures / "red.png", "--json").json
    expected = [250, 10, 10]
    length = sum(value**2 for value in expected) ** 0.5
    assert output == {"feature": [pytest.approx(value / length, abs=1e-5) for value in expected]}
    data = (pictures / "red.png").read_bytes()
    assert cli("pipeline", "run", "mean_colour", "-", "--json", text=data).json == output
    assert cli("pipeline", "run", "mean_colour", pictures / "red.png").out.startswith("feature: 0.998")


def test_a_pipeline_runs_on_several_and_tells_which_failed(cli: Cli, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("text")
    files = [pictures / "red.png", tmp_path / "bad.jpg", tmp_path / "missing.jpg", pictures / "green.png"]
    answers = cli("pipeline", "run", "mean_colour", *files, "--json", code=9).json
    assert [answer["name"] for answer in answers] == list(map(str, files))
    assert [answer.get("error", {}).get("type") for answer in answers] == [
        None, "UnsupportedImage", "UnreadableFile", None,
    ]  # fmt: skip
    plain = cli("pipeline", "run", "mean_colour", *files, code=9)
    assert plain.out.count("feature:") == 2
    assert plain.err.count("Error:") == 2


def test_a_collection_from_creation_to_drop(cli: Cli) -> None:
    words = ("--pipeline", "mean_colour", "--column", "district:text", "--metric", "cosine")
    info = cli("collection", "create", "a collection", *words, "--json").json
    assert info["columns"] == {"district": "text"}
    assert (info["metric"], info["pictures"], info["rows"], info["index"]) == ("cosine", 0, 0, "absent")
    assert cli("collection", "show", "a collection", "--json").json == info
    assert "district" in cli("collection", "show", "a collection").out
    assert info in cli("--json", "collection", "list").json
    assert "a collection" in cli("collection", "list").out
    assert cli("collection", "index", "a collection", "--m", "8", "--json").json == {
        "name": "a collection", "index": "ready",
    }  # fmt: skip
    assert "is ready" in cli("collection", "index", "a collection", "--partition-by", "district").out
    refused = cli("collection", "index", "a collection", "--partition-by", "nothing", "--json", code=3).error
    assert refused["type"] == BadParameter.__name__
    assert "--yes" in cli("collection", "drop", "a collection", code=3).err
    assert cli("collection", "drop", "a collection", "--yes").out == "a collection is dropped.\n"
    error = cli("collection", "show", "a collection", "--json", code=4).error
    assert error["type"] == UnknownCollection.__name__


def test_a_table_is_adopted_and_its_features_computed(cli: Cli, pictures: Path) -> None:
    with psycopg.connect(cli("db", "status", "--json").json["dsn"], autocommit=True) as owner:
        owner.execute("CREATE TABLE mine (title varchar(80) PRIMARY KEY, image_data bytea, feature halfvec(3))")
        for name in NAMES[:2]:
            owner.execute("INSERT INTO mine VALUES (%s, %s)", [name, (pictures / name).read_bytes()])
        words = ("mine", "--pipeline", "mean_colour", "--name-column", "title", "--run", "--json")
        error = cli("collection", "adopt", *words, code=5).error
        assert (error["type"], error["hint"]) == (
            "UnsuitableTable",
            "ALTER TABLE public.mine ALTER COLUMN title TYPE text USING title::text;",
        )
        owner.execute(error["hint"])
    report = cli("collection", "adopt", *words).json
    assert (report["updated"], report["rows"], report["failed"]) == (2, 2, [])
    hits = cli("search", "mine", pictures / NAMES[1], "-k", "1", "--json").json
    assert [hit["name"] for hit in hits] == [NAMES[1]]


def test_a_second_import_adds_nothing_and_a_changed_file_is_updated(
    cli: Cli, collection: str, pictures: Path, tmp_path: Path
) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((pictures / name).read_bytes())

    def counts() -> tuple[Any, ...]:
        report = cli("import", tmp_path, "--collection", collection, "--json").json
        assert report["failed"] == []
        return report["added"], report["updated"], report["unchanged"], report["rows"]

    assert counts() == (5, 0, 0, 5)
    assert counts() == (0, 0, 5, 0)
    Image.new("RGB", (40, 30), "yellow").save(tmp_path / "red.png")
    assert counts() == (0, 1, 4, 1)
    assert "0 added, 0 updated, 5 unchanged, 0 failed" in cli("import", tmp_path, "--collection", collection).out


def test_what_fails_is_listed_and_the_rest_is_in(cli: Cli, collection: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "bad\n'猫.jpg").write_text("text")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "good.png").write_bytes((pictures / "red.png").read_bytes())
    report = cli("import", tmp_path, "--collection", collection, "--json", code=9).json
    assert report["added"] == 1
    assert {failure["name"] for failure in report["failed"]} == {"bad\n'猫.jpg", "empty.jpg"}
    assert all(set(failure["error"]) == {"type", "sqlstate", "message", "hint"} for failure in report["failed"])
    plain = cli("import", tmp_path, "--collection", collection, code=9).out
    assert r"  bad\n'猫.jpg" in plain.splitlines()
    assert "1 unchanged, 2 failed" in plain


def test_values_come_from_a_file_and_from_set(cli: Cli, collection: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text('image_name,n\nred.png,7\n"a\nb/dark red.png",\n')
    words = ("--collection", collection, "--values", tmp_path / "values.csv", "--set", "district=it's 100%")
    cli("import", pictures, *words)
    hits = cli("search", collection, pictures / "red.png", "-k", "9", "--json").json
    rows = {hit["name"]: hit["row"] for hit in hits}
    assert rows["red.png"] == {"district": "it's 100%", "n": 7}
    assert rows["a\nb/dark red.png"] == {"district": "it's 100%", "n": None}
    assert len(rows) == 5


def test_paths_are_read_from_standard_input(cli: Cli, collection: str, pictures: Path) -> None:
    paths = [str(pictures / name) for name in NAMES]
    lines = "\n".join(path for path in paths if "\n" not in path)
    assert cli("import", "-", "--collection", collection, "--json", text=lines).json["added"] == 4
    assert cli("import", "-", "--collection", collection, "--json", text="\0".join(paths)).json["added"] == 1


def test_search_finds_hostile_names(cli: Cli, filled: str, pictures: Path) -> None:
    for name in NAMES:
        hit, *_ = cli("search", filled, pictures / name, "--json").json
        assert hit == {
            "name": name,
            "distance": pytest.approx(0, abs=1e-3),
            "row": {"district": "A", "n": None},
            "box": None,
            "part": None,
        }
        like = cli("search", filled, "--like", name, "-k", "1", "--json").json
        assert [hit["name"] for hit in like] == [name]
    table = cli("search", filled, pictures / "red.png").out.splitlines()
    assert table[0].split() == ["distance", "name", "district", "n"]
    assert r"a\nb/dark red.png" in table[2]


def test_search_filters_and_limits(cli: Cli, filled: str, pictures: Path) -> None:
    def names(*words: object) -> list[str]:
        return [hit["name"] for hit in cli("search", filled, pictures / "red.png", "--json", *words).json]

    assert names("--filter", "image_name = %(name)s", "--param", "name=green.png") == ["green.png"]
    assert names("--filter", "district LIKE 'A%'", "-k", "2") == ["red.png", "a\nb/dark red.png"]
    assert names("--where", "district LIKE 'A%'", "-k", "1") == ["red.png"]  # its name in version 0.1
    both = ("--where", "n = 1", "--filter", "n = 1")
    assert "Both --filter and --where" in cli("search", filled, pictures / "red.png", *both, code=3).err
    assert names("--filter", "n > %(least)s", "--param", "least=5") == []
    assert names("--max-distance", "0.5") == ["red.png", "a\nb/dark red.png"]
    data = (pictures / "red.png").read_bytes()
    assert cli("search", filled, "-", "-k", "1", "--json", text=data).json[0]["name"] == "red.png"
    assert cli("search", filled, pictures / "red.png", "--max-distance", "0.01", "--filter", "n = 1").out == (
        "Nothing was found.\n"
    )


def test_search_writes_a_contact_sheet(cli: Cli, filled: str, pictures: Path, tmp_path: Path) -> None:
    done = cli("search", filled, pictures / "red.png", "--sheet", tmp_path / "found.jpg", "--json")
    assert len(done.json) == 5
    assert done.err == f"The contact sheet is {tmp_path / 'found.jpg'}.\n"
    with Image.open(tmp_path / "found.jpg") as sheet:
        assert sheet.width > 1000


def test_models(cli: Cli, cards: Path) -> None:
    (mine,) = [status for status in cli("models", "list", "--json").json if status["name"] == "mean_colour"]
    assert (mine["state"], mine["path"]) == ("ready", str(cards / "mean_colour.onnx"))
    assert "mean_colour" in cli("models", "list").out
    assert cli("models", "pull", "mean_colour").out == "Everything is here already.\n"
    assert cli("models", "pull", "mean_colour", "--json").json == {"pulled": [], "models": [mine]}
    assert cli("models", "verify", "mean_colour", "--json").json == [mine]
    assert cli("models", "verify", "mean_colour").out.split()[-2:] == ["ready", mine["path"]]
    card = cli("models", "show", "mean_colour", "--json").json
    assert (card["task"], card["input"]["layout"]) == ("image features", "NCHW")
    assert "input.layout" in cli("models", "show", "mean_colour").out
    assert cli("models", "show", "nothing", "--json", code=4).error["type"] == "UnknownModel"
    assert "models pull centerface" in cli("models", "verify", "centerface", code=6).err


def test_a_tampered_model_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "centerface.onnx").write_bytes(b"tampered")
    other = make(tmp_path, tmp_path)
    done = other("models", "verify", "--json", code=6)
    states = {status["name"]: status["state"] for status in done.json}
    assert (states["centerface"], states["age"]) == ("corrupt", "missing")
    assert done.error["type"] == "ModelCorrupt"


def test_the_schema_goes_down_and_up(tmp_path: Path, cards: Path) -> None:
    cli = make(tmp_path, cards)
    head = cli("db", "history", "--json").json[-1]["revision"]
    assert cli("db", "status", "--json").json["running"] is False
    assert cli("db", "check", "--json", code=7).error["type"] == "NotMigrated"
    assert cli("db", "current").out == f"none, the head is {head}\n"
    assert cli("db", "upgrade").out == f"{head} (head)\n"
    assert cli("db", "check", "--json").json == {"current": head, "head": head}
    with embedded.start(cli.folder / ".open_analytic"):  # without a client it ends by itself after two seconds
        assert cli("db", "status", "--json").json["running"] is True
    assert cli("db", "downgrade", "base", "--json").json == {"current": None, "head": head}
    assert cli("db", "upgrade", "9999", "--json", code=4).error["type"] == "NotFound"
    assert cli("db", "psql", "--", "-At", "-c", "SELECT count(*) FROM open_analytic.pipelines").out == "0\n"
    assert cli("db", "psql", "--", "-At", "-c", "SELECT 1; SELECT 2").out == "1\n2\n"
    assert cli("db", "psql", "--", "-v", "ON_ERROR_STOP=1", "-f", "-", text="wrong;", code=3).out == ""
    with embedded.start(cli.folder / ".open_analytic"):
        assert cli("db", "stop", "--json").json == {"stopped": True}
    assert cli("db", "stop").out == "No server ran.\n"
    assert "running  no" in cli("db", "status").out


def test_sql_for_a_dba(cli: Cli) -> None:
    script = cli("db", "sql").out
    assert "CREATE EXTENSION IF NOT EXISTS vector" in script
    assert cli("db", "upgrade", "--sql").out == script
    assert cli("db", "sql", "--json").json == {"from": "base", "to": "head", "sql": script}
    down = cli("db", "sql", "--from", "head", "--to", "base").out
    assert cli("db", "downgrade", "base", "--sql").out == down
    assert "CREATE EXTENSION" not in down


def test_doctor_needs_nothing_started(tmp_path: Path, cards: Path) -> None:
    cli = make(tmp_path, cards)
    checks = {check["name"]: check for check in cli("doctor", "--json").json}
    assert checks["providers"]["detail"] == "models run on cpu; installed: cpu"
    assert {"open_analytic", "python", "packages", "models", "database", "disk (home)"} <= set(checks)
    assert all(check["state"] in ("ok", "note") for check in checks.values())
    assert "models pull" in checks["models"]["hint"]
    assert list(tmp_path.iterdir()) == []
    assert "models: " in cli("doctor").out


def test_doctor_looks_at_a_running_server(cli: Cli) -> None:
    checks = {check["name"]: check for check in cli("doctor", "--json").json}
    assert checks["schema"]["detail"].startswith("at revision")
    assert checks["pgvector"]["state"] == checks["rights"]["state"] == "ok"


@pytest.mark.parametrize(
    "environment",
    [
        {"OPEN_ANALYTIC_DSN": "postgresql://me:s3cret@localhost:1/db"},
        {"OPEN_ANALYTIC_DSN": "postgresql://me:s3cret@[/db"},
        {"OPEN_ANALYTIC_PG_BIN": "/nowhere"},
        {"OPEN_ANALYTIC_MAX_BYTES": "many"},
        {"OPEN_ANALYTIC_PROVIDERS": "cuda,cpu"},
    ],
    ids=["unreachable", "unreadable DSN", "no programs", "a bad setting", "a provider that is not installed"],
)
def test_doctor_finds_what_is_broken(tmp_path: Path, cards: Path, environment: dict[str, str]) -> None:
    done = make(tmp_path, cards, **environment)("doctor", "--json", code=1)
    broken = [check for check in done.json if check["state"] == "broken"]
    assert len(broken) == 1
    assert broken[0]["hint"]
    assert "s3cret" not in done.out + done.err


def test_the_common_options_stand_before_and_after(cli: Cli, tmp_path: Path) -> None:
    listed = cli("pipeline", "list", "--json").json
    assert cli("--json", "pipeline", "list").json == cli("pipeline", "--json", "list").json == listed
    home = cli.folder / ".open_analytic"
    assert make(tmp_path, tmp_path)("--home", home, "pipeline", "list", "--json").json == listed
    assert "home" in cli("--home", home, "--dsn", "host=x", "pipeline", "list", code=3).err


def test_home_on_the_command_line_wins_over_a_dsn_of_the_environment(cli: Cli, tmp_path: Path) -> None:
    other = make(tmp_path, tmp_path, OPEN_ANALYTIC_DSN="host=nowhere.invalid")
    assert other("pipeline", "list", "--home", cli.folder / ".open_analytic").code == 0


def test_a_dsn_is_used_and_its_password_never_shown(cli: Cli, tmp_path: Path) -> None:
    dsn = cli("db", "status", "--json").json["dsn"] + " password=s3cret"
    other = make(tmp_path, tmp_path)
    done = other("pipeline", "list", "--dsn", dsn, "-vv")
    assert "mean_colour" in done.out
    assert "s3cret" not in done.err
    wrong = other("pipeline", "list", "--dsn", "postgresql://me:s3cret@localhost:1/db", "-vv", "--json", code=7)
    assert wrong.error["type"] == "CannotConnect"
    assert "s3cret" not in wrong.err
    assert "--home" in other("db", "stop", "--dsn", dsn, code=3).err


@pytest.mark.parametrize(
    ("words", "code", "type_", "says"),
    [
        (["pipeline", "run", "nothing", "x.png"], 3, "UnreadableFile", "x.png"),
        (["pipeline", "show", "nothing"], 4, "UnknownPipeline", "Presets: dna_feature_extractor"),
        (["pipeline", "create", "nothing"], 4, "UnknownPipeline", "general_feature_extractor"),
        (["pipeline", "create", "x", "--definition", "missing.toml"], 3, "UnreadableFile", "missing.toml"),
        (["pipeline", "drop", "nothing"], 4, "UnknownPipeline", "nothing"),
        (["collection", "create", "x", "--pipeline", "nothing"], 4, "UnknownPipeline", "Presets: dna_feature"),
        (["collection", "create", "x", "--pipeline", "mean_colour", "--column", "d"], 3, "BadParameter", "name:type"),
        (["collection", "create", "x", "--pipeline", "mean_colour", "--column", "d:no"], 3, "BadParameter", "no"),
        (["collection", "create", "x", "--pipeline", "mean_colour", "--metric", "l7"], 3, "BadParameter", "cosine"),
        (["collection", "create", "x", "--pipeline", "mean_colour", "--param", "a=b"], 3, "BadParameter", "'a'"),
        (["collection", "index", "nothing"], 4, "UnknownCollection", "nothing"),
        (["import", "nowhere", "--collection", "nothing"], 4, "UnknownCollection", "nothing"),
        (["import", "-", "x", "--collection", "nothing"], 3, "BadParameter", "-"),
        (["import", ".", "--collection", "nothing", "--values", "missing.csv"], 3, "UnreadableFile", "missing.csv"),
        (["search", "nothing", "missing.png"], 4, "UnknownCollection", "nothing"),
        (["search", "nothing"], 3, "BadParameter", "--like"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_are_one_line_a_hint_and_a_code(cli: Cli, words: list[str], code: int, type_: str, says: str) -> None:
    plain = cli(*words, code=code)
    assert plain.out == ""
    assert plain.err.startswith("Error: ")
    assert len(plain.err.splitlines()) == 2
    assert says in plain.err
    if words[0] == "search" or len(words) == 3:
        result = cli(*words, "--json", code=code)
        assert result.out == ""
        assert result.error["type"] == type_


def test_errors_of_the_command_line_itself_are_2(cli: Cli) -> None:
    assert "No such command" in cli("nothing", code=2).err
    assert "--pipeline" in cli("collection", "create", "x", code=2).err
    assert "COLLECTION" in cli("search", code=2).err


def test_verbose_says_what_is_done_on_standard_error(cli: Cli, filled: str, pictures: Path) -> None:
    quiet = cli("search", filled, pictures / "red.png")
    loud = cli("search", filled, pictures / "red.png", "-vv")
    assert quiet.err == ""
    assert loud.out == quiet.out
    assert "debug: " in loud.err


def test_the_reader_may_close_the_pipe(cli: Cli) -> None:
    with cli.start("db", "sql", "--json") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


def test_a_full_disk_is_a_typed_error(cli: Cli) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            cli.words("pipeline", "list", "--json"), cwd=cli.folder, env=cli.environment, stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == StorageFull.exit_code
    assert json.loads(done.stderr)["type"] == "StorageFull"


def test_a_folder_without_pictures_is_told(cli: Cli, collection: str, tmp_path: Path) -> None:
    assert "There was no picture" in cli("import", tmp_path, "--collection", collection).out


def test_a_backup_is_restored_into_a_new_home(cli: Cli, collection: str, cards: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.dump"
    assert str(file) in cli("db", "backup", file).out
    restored = make(tmp_path, cards)
    assert restored("db", "restore", file).out == "Restored.\n"
    there, here = (one("collection", "list", "--json").json for one in (cli, restored))
    assert collection in {info["name"] for info in here}
    assert [info["name"] for info in here] == [info["name"] for info in there]


def test_every_command_was_run_here() -> None:
    """The demo is run by test_wheel, serve by test_serve; a revision is written into the checkout: it is left alone."""
    text = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    left_out = {("demo",), ("serve",), ("db", "revision")}
    for words in set(ALL) - left_out:
        assert '"' + '", "'.join(words) + '"' in text, f"open-analytic {' '.join(words)} is not tested"
    assert (REPOSITORY / "tests" / "process" / "test_wheel.py").is_file()
