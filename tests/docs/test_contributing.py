"""CONTRIBUTING.md and the workflow name files and make targets that exist; links of all pages lead somewhere."""

import ast
import re
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "CONTRIBUTING.md").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE))
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])
PYTHON = sorted(path for top in ("open_analytic", "scripts", "tests") for path in (TOP / top).rglob("*.py"))
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(page: Path) -> set[str]:
    """The fragments that a renderer makes of the page's headings."""
    headings = re.findall(r"^#{1,6} (.*)$", page.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading) for heading in headings)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in plain}


def test_every_file_it_names_exists() -> None:
    names = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:toml|lock|yml|yaml|md))`", PAGE))
    fixed = {
        name
        for name in names
        if not re.search(r"NAME|NNNN|TOPIC|TAG|MODALITY", name) and not name.startswith((".venv/", "site/"))
    }
    shared = {"NAME.toml", "base.html", "en.json"}  # named without their folder, which stands beside them
    assert len(fixed) > 15
    assert [name for name in sorted(fixed - shared) if not (TOP / name).exists()] == []


def test_every_target_it_names_exists() -> None:
    targets = {word for line in re.findall(r"(?:`|^)make ([a-z -]+)", PAGE, re.MULTILINE) for word in line.split()[:1]}
    assert targets >= {"setup", "check", "test"}
    assert targets - TARGETS == set()


def test_the_workflow_calls_targets_that_exist() -> None:
    workflow = yaml.safe_load((TOP / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    targets = {word for command in commands for word in command.removeprefix("sudo ").split()[1:]}
    assert all(re.fullmatch(r"(sudo )?make [a-z -]+", command) for command in commands)
    assert targets >= {"check", "test"}
    assert targets - TARGETS == set()


def test_hooks_are_local_and_fetch_nothing() -> None:
    config = yaml.safe_load((TOP / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for hook in config["repos"][0]["hooks"]} == {"system"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for path, fragment in LINK.findall(page.read_text("utf-8")):
        target = page.parent / path if path else page
        if not target.exists() or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            broken.append(f"{path}#{fragment}")
    assert broken == []


def test_files_and_functions_are_as_long_as_the_page_allows() -> None:
    """At most 400 lines a file, of Python or of SQL functions, and 40 a function of Python."""
    long = [
        f"{path.relative_to(TOP)}: {count}"
        for path in [*PYTHON, *sorted((TOP / "migrations" / "functions").rglob("*.sql"))]
        for count in [len(path.read_text("utf-8").splitlines())]
        if count > 400
    ]
    for path in PYTHON:
        text, name = path.read_text("utf-8"), path.relative_to(TOP)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                long += [f"{name}: {node.name}"] if node.end_lineno - node.lineno + 1 > 40 else []
    assert long == []
