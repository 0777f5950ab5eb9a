"""The engine asks kinds; it has no word for what they are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import open_analytic

ROOT = Path(open_analytic.__file__).parent
WORDS = re.compile(r"(?<![a-z])(face|picture|image)s?(?![a-z])")
MODULES = [path for part in ("pipeline", "runtime") for path in (ROOT / part).glob("*.py")]


def _names(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "name", "asname", "arg", "module"):
        if isinstance(name := getattr(node, field, None), str):
            yield name


def _docstrings(tree: ast.Module) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners)]
    return {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}


def _words(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        yield from _names(node)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_engine_has_no_word_for_faces_and_pictures(path: Path) -> None:
    snake = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower() for word in _words(path)]
    assert [word for word in snake if WORDS.search(word)] == []
