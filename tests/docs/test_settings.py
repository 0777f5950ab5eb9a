"""docs/python.md lists every setting."""

import re
from dataclasses import fields
from pathlib import Path

from open_analytic.config import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text("utf-8").partition("## Settings")[2]


def test_the_page_lists_every_setting() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [entry.name for entry in fields(Settings)]
