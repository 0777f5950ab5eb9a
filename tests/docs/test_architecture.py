"""docs/architecture.md names every package, the list of decisions every decision, and pages wrap at 100 columns."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
NOT_WRAPPED = ("CHANGELOG.md",)


def test_the_page_lists_every_package() -> None:
    table = (DOCS / "architecture.md").read_text("utf-8").partition("| package |")[2].partition("\n\n")[0]
    packages = {file.parent.name for file in (TOP / "open_analytic").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == packages


def test_the_list_has_every_decision_with_its_title() -> None:
    rows = re.findall(r"^\| \[(.*?)\]\((.*?)\) \|", (DOCS / "adr" / "README.md").read_text("utf-8"), re.MULTILINE)
    pages = sorted((DOCS / "adr").glob("[0-9]*.md"))
    titles = [(page.read_text("utf-8").partition("\n")[0].removeprefix("# "), page.name) for page in pages]
    assert rows == titles
    assert len(titles) > 12


def test_every_decision_has_its_three_parts() -> None:
    parts = ["Context", "Decision", "Consequences"]
    for page in (DOCS / "adr").glob("[0-9]*.md"):
        assert re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE) == parts, page.name


def test_lines_wrap_at_100_columns() -> None:
    """Tables, pictures and code cannot be wrapped."""
    pages = {page for page in [*TOP.glob("*.md"), *DOCS.rglob("*.md")] if page.name not in NOT_WRAPPED}
    texts = [re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE) for page in pages]
    lines = [line for text in texts for line in text.splitlines() if not line.lstrip().startswith(("|", "!["))]
    assert [line for line in lines if len(line) > 100] == []
    assert len(pages) > 40
