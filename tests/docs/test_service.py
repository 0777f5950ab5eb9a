"""What docs and the systemd unit say of the service is so."""

import re
from dataclasses import fields
from pathlib import Path

from open_analytic.config import PREFIX, Settings
from tests.unit.cli.commands import ALL, options

TOP = Path(__file__).resolve().parents[2]
UNIT = (TOP / "scripts" / "open-analytic.service").read_text("utf-8")
PAGE = (TOP / "docs" / "service.md").read_text("utf-8")
SECTION = (TOP / "docs" / "cli.md").read_text("utf-8").partition("### `serve`")[2].partition("\n## ")[0]
FLAGS = {f"--{name.replace('_', '-')}" for name, _ in options(ALL["serve",])}


def test_the_unit_and_the_docs_use_options_that_exist() -> None:
    for text in (UNIT, *re.findall(r"open-analytic serve.*", PAGE)):
        assert set(re.findall(r"(?<=\s)--[\w-]+", text)) <= FLAGS


def test_the_docs_list_every_option() -> None:
    hidden = {"--companion"}
    common = {"--dsn", "--home", "--json", "--verbose", "--debug"}
    assert set(re.findall(r"--[a-z][a-z-]+", SECTION.partition("| option |")[2])) == FLAGS - hidden - common


def test_the_unit_and_the_docs_name_settings_that_exist() -> None:
    known = {PREFIX + entry.name.upper() for entry in fields(Settings)}
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", UNIT + PAGE)) <= known
    names = {entry.name for entry in fields(Settings)}
    assert set(re.findall(r"`(service_\w+|max_\w+)`", PAGE)) <= names
