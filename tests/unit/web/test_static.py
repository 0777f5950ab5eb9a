"""The style sheets as they stand."""

import re

from open_analytic.web.assets import FOLDER

SCHEME = re.compile(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(?P<rules>[^{}]*)\}\s*\}")


def test_a_scheme_changes_colours_and_nothing_else() -> None:
    """So tests in Chromium look at the colours alone when they change the scheme of a page."""
    text = "".join(sheet.read_text(encoding="utf-8") for sheet in sorted(FOLDER.glob("*.css")))
    blocks = [match["rules"] for match in SCHEME.finditer(text)]
    assert len(blocks) == text.count("prefers-color-scheme") == 1
    names = [rule.partition(":")[0].strip() for rule in blocks[0].split(";") if rule.strip()]
    assert names == [
        "--ground", "--card", "--paper", "--sunk", "--line", "--edge", "--ink", "--quiet", "--accent",
        "--accent-strong", "--on-accent", "--accent-soft", "--danger", "--danger-soft", "--focus", "--shadow",
    ]  # fmt: skip
