"""Help is quick, complete, and says the same as the docs."""

import re
from pathlib import Path

import pytest

from open_analytic.cli.context import COMMON
from tests.unit.cli.commands import ALL, options

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text("utf-8")
NAMES = [" ".join(words) for words in ALL]


@pytest.mark.parametrize("command", NAMES)
def test_every_command_and_option_says_what_it_is_for(command: str) -> None:
    function = ALL[tuple(command.split())]
    assert re.match(r"[A-Z].{10,}\.$", (function.__doc__ or "").splitlines()[0])
    for name, help_text in options(function):
        assert help_text, f"{command} {name} has no help"
        assert re.search(r"[.:)]$", help_text), f"{command} {name}: {help_text}"


@pytest.mark.parametrize("command", NAMES)
def test_every_command_takes_the_common_options(command: str) -> None:
    names = {name for name, _ in options(ALL[tuple(command.split())])}
    assert set(COMMON) <= names


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_a_section_in_the_docs(command: str) -> None:
    section = re.search(rf"^### `{re.escape(command)}`$(.*?)(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert section, f"docs/cli.md has no section {command!r}"
    assert f"open-analytic {command}" in section[1]


def test_the_docs_name_no_command_that_is_not_there() -> None:
    assert set(re.findall(r"^### `(.*)`$", DOCS, re.MULTILINE)) == set(NAMES)
