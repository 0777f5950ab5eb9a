"""Hooks of mkdocs: pages of files that stand above docs/, and one that is made from the code.

README.md is the first page. Links between the two places are rewritten, so that each page also reads well in the
repository. howto/troubleshooting.md lists, for each error, the messages and hints that the code has.
"""

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from open_analytic import errors

TOP = Path(__file__).resolve().parent.parent
ABOVE = {"README.md": "index.md"} | {
    name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
}
TROUBLES = "howto/troubleshooting.md"
PLAIN = ("LICENSE", "scripts/open-analytic.service")  # files that pages link to as they are
LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")
HEAD = """\
# Troubleshooting by error code

Find the code that the error shows: the SQLSTATE in PostgreSQL and in `--json`, or the class in Python. Below it are the
messages that the code can give, with the hint that comes along; `…` stands for a name or a number.
`open-analytic doctor` checks an installation and says what to do next.

"""


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for source, page in ABOVE.items():
        text = (TOP / source).read_text("utf-8")
        files.append(File.generated(config, page, content=relinked(text, "", Path())))
    for name in PLAIN:
        files.append(File.generated(config, name, abs_src_path=str(TOP / name)))
    files.append(File.generated(config, TROUBLES, content=troubleshooting()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of a page in docs/ to files above it."""
    source = page.file.src_uri
    if source in ABOVE.values() or source == TROUBLES:
        return markdown
    return relinked(markdown, "docs", Path(source).parent)


def relinked(markdown: str, folder: str, place: Path) -> str:
    """The text with links that lead to where mkdocs has the files. ``place`` is the page's folder among the pages."""

    def link(match: re.Match[str]) -> str:
        target = _resolved(Path(folder) / place, match[2])
        name = target.removeprefix("docs/") if target.startswith("docs/") else ABOVE.get(target, target)
        return f"{match[1]}{'../' * len(place.parts)}{name}{match[3]}"

    return LINK.sub(link, markdown)


def _resolved(folder: Path, target: str) -> str:
    parts: list[str] = []
    for part in (*folder.parts, *target.split("/")):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def troubleshooting() -> str:
    """The page: every error with the messages and hints that the package's source gives it."""
    known = _raised()
    parts = [HEAD]
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if not issubclass(error, errors.OpenAnalyticError):
            continue
        meaning = inspect.getdoc(error) or ""
        lines = [f"| {message or meaning} | {hint} |" for message, hint in sorted(known[name])]
        table = ["| message | hint |", "|---|---|", *lines] if lines else []
        parts.append(f"## {error.sqlstate} {name}\n\n{meaning}\n\n" + "\n".join(table) + "\n\n")
    return parts[0] + "".join(sorted(parts[1:]))


def _raised() -> dict[str, set[tuple[str, str]]]:
    """Messages and hints by the class's name."""
    known: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for file in (TOP / "open_analytic").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in vars(errors):
                known[node.func.id].update(_message(node))
    return known


def _message(call: ast.Call) -> Iterator[tuple[str, str]]:
    hints = [_text(word.value) for word in call.keywords if word.arg == "hint"]
    message = _text(call.args[0]) if call.args else ""
    if message or (hints and hints[0]):
        yield message, hints[0] if hints else ""


def _text(node: ast.expr) -> str:
    """A literal as one line of a table's cell; what is filled in becomes three dots."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "..." for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    else:
        return ""
    escaped = re.sub(r"([\\*_{}\[\]<>|])", r"\\\1", " ".join(text.split()))
    return escaped.replace("...", "…")
