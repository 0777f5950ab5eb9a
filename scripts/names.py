"""Refuses participles as names of variables, parameters, attributes, functions and classes: they tell no type.

    python scripts/names.py

It reads the Python files of the package, the scripts, the revisions and the tests, the JavaScript of the site, and the
variables of PL/pgSQL. An underscore before or after a word makes no difference. Names that come from elsewhere, such as
``given`` of hypothesis, stay: only what binds a name counts.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

TOP = Path(__file__).resolve().parent.parent
WORDS = {
    "asked": "request, query, parameters",
    "found": "rows, hits, match, result, path",
    "given": "values, options, parameters, inputs",
    "kept": "stored, rest, entries",
    "made": "info, plan, collection, array",
    "said": "message, label, text",
    "shown": "thumbnail, page, text",
    "taken": "input, inputs, count, names",
    "told": "answer, body, error, explanation",
    "wanted": "expected, names, target",
}
PYTHON = ("open_analytic/**/*.py", "scripts/*.py", "migrations/**/*.py", "tests/**/*.py")
JAVASCRIPT = ("open_analytic/web/static/*.js",)
PLPGSQL = ("migrations/functions/*.sql",)
_WORD = "|".join(WORDS)
_JAVASCRIPT = re.compile(
    rf"\b(?:const|let|var|function\*?)\s+({_WORD})\b"  # const found = ...
    rf"|\b(?:const|let|var)\s+[{{\[][^}}\]=]*\b({_WORD})\b[^}}\]=]*[}}\]]\s*="  # const {{ found }} = ...
    rf"|\(?\b({_WORD})\b(?:, \w+)*\)?\s*=>"  # found => ..., (found) => ...
    rf"|\bfunction\*?\s*\w*\([^)]*\b({_WORD})\b[^)]*\)"  # function f(found)
    rf"|\bthis\.({_WORD})\s*=[^=]",  # this.found = ...
)
_PLPGSQL = re.compile(
    rf"^\s+({_WORD}) (?:CONSTANT )?[\w.]+(?:\[\])?(?:%TYPE|%ROWTYPE)?(?: NOT NULL)?(?: :=[^;]*)?;", re.M
)


Read: TypeAlias = Callable[[str], Iterator[tuple[int, str]]]  # the lines of a text that bind a name, with the names


class Name(NamedTuple):
    """A name, and where it is bound."""

    file: str
    line: int
    name: str


def python(source: str) -> Iterator[tuple[int, str]]:
    """The lines that bind a name, with the name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def matches(pattern: re.Pattern[str], source: str) -> Iterator[tuple[int, str]]:
    """The same for a language that is read by its patterns."""
    for match in pattern.finditer(source):
        group = match.lastindex or 0
        yield source.count("\n", 0, match.start(group)) + 1, match[group]


def everything() -> Iterator[Name]:
    """All names of the list."""
    for pattern in PYTHON:
        yield from _names(pattern, python)
    for pattern in JAVASCRIPT:
        yield from _names(pattern, lambda source: matches(_JAVASCRIPT, source))
    for pattern in PLPGSQL:
        yield from _names(pattern, lambda source: matches(_PLPGSQL, source))


def main() -> int:
    """Print them; the exit code."""
    names = list(everything())
    for file, line, name in names:
        print(f"{file}:{line}: {name!r}: name what it holds, such as {WORDS[_word(name)]}")
    return int(bool(names))


def _word(name: str) -> str:
    return name.strip("_").lower()


def _names(pattern: str, read: Read) -> Iterator[Name]:
    for file in sorted(TOP.glob(pattern)):
        for line, name in read(file.read_text("utf-8")):
            if _word(name) in WORDS:
                yield Name(file.relative_to(TOP).as_posix(), line, name)


if __name__ == "__main__":
    sys.exit(main())
