"""The commands of docs/howto run as they stand, and its figures are those of the benchmarks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from open_analytic.config import PREFIX, Settings
from open_analytic.embedded import watchdog
from tests import homes, tiny
from tests.process.runner import Cli, make
from tests.unit.cli.commands import ALL

DOCS = Path(__file__).resolve().parents[2] / "docs"
UPGRADE, SIZING, UNINSTALL = (
    (DOCS / "howto" / f"{name}.md").read_text("utf-8") for name in ("upgrade", "sizing", "uninstall")
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that has a collection of one picture; nothing runs in it."""
    folder = tmp_path_factory.mktemp("howto")
    cards = tiny.write(folder / "cards")
    (cards / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    (folder / "photos").mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "photos" / "red.png")
    cli = make(folder, cards)
    home = homes.copy(homes.migrated(tmp_path_factory.getbasetemp()), folder / ".open_analytic")
    cli("pipeline", "create", "mean_colour", "--definition", cards / "pipeline.json")
    cli("collection", "create", "album", "--pipeline", "mean_colour")
    cli("import", "photos", "--collection", "album")
    embedded.stop(home)
    return folder


@pytest.fixture
def cli(original: Path, tmp_path: Path) -> Cli:
    """A copy of the folder for one test."""
    folder = homes.copy(original, tmp_path / "howto")
    (folder / ".open_analytic" / watchdog.STATE).unlink(missing_ok=True)  # where the server of the original was
    return make(folder, folder / "cards")


def shell(cli: Cli, commands: str, **variables: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=cli.folder, env={**cli.environment, "PATH": path, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def block(page: str, number: int = 0) -> str:
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return blocks[number]


def test_an_upgrade_leaves_a_backup(cli: Cli) -> None:
    shell(cli, block(UPGRADE))
    assert (cli.folder / "before.dump").stat().st_size > 10_000
    assert cli("collection", "list", "--json").json[0]["name"] == "album"


def test_an_embedded_database_is_exported_and_removed(cli: Cli) -> None:
    shell(cli, block(UNINSTALL))
    assert not (cli.folder / ".open_analytic").exists()
    assert [file.name for file in (cli.folder / "pictures").iterdir()] == ["red.png"]


def test_a_schema_is_taken_away_and_collections_stay(
    cli: Cli, dsn: str, server: embedded.Server, settings: Settings
) -> None:
    with psycopg.connect(dsn) as connection:
        make_collection = (
            "SELECT open_analytic._make_collection('kept', 4, 'l2', false, '{}', NULL, NULL, '{}', false, 'public')"
        )
        connection.execute(make_collection)
    shell(cli, block(UNINSTALL, 1), OPEN_ANALYTIC_DSN=dsn)
    with psycopg.connect(dsn) as connection:
        left = connection.execute("SELECT to_regnamespace('open_analytic'), to_regclass('kept')::text").fetchone()
    assert left == (None, "kept")


def test_pages_name_commands_and_settings_that_exist() -> None:
    settings = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
    for page in (DOCS / "howto").glob("*.md"):
        text = page.read_text("utf-8")
        words = re.findall(r"open-analytic (?:--[a-z]+ \S+ )?([a-z]+)(?: ([a-z]+))?", text)
        commands = [pair if pair in ALL else pair[:1] for pair in words if pair[0] not in ("service",)]
        assert [command for command in commands if command not in ALL] == [], page.name
        assert set(re.findall(rf"{PREFIX}[A-Z_]+", text)) <= settings | {"OPEN_ANALYTIC_DSN"}


def test_sizes_are_those_of_the_benchmarks() -> None:
    """Bytes a row of the table, and of the index of 30,000 rows."""
    figures = (DOCS / "benchmarks.md").read_text("utf-8").replace(",", "")
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) bytes \| ([\d,]+) bytes \| ([\d.]+) GB", SIZING, re.MULTILINE)
    assert len(rows) == 3
    for dim, table, index, total in [[float(cell.replace(",", "")) for cell in row] for row in rows]:
        (line,) = re.findall(rf"^\| {dim:.0f} \| halfvec \| PLAIN \|(.*)", figures, re.MULTILINE)
        cells = [cell.split("(")[0].strip() for cell in line.split("|")]
        assert table == float(cells[0])
        assert index == pytest.approx(float(cells[4]) * 1e6 / 30_000, rel=0.01)
        assert total == pytest.approx((table + index) / 1000, abs=0.06)
