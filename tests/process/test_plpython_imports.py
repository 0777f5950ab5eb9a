"""What a PostgreSQL backend loads is the standard library and nothing else, in words its Python understands."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import open_analytic

PACKAGE = Path(open_analytic.__file__).parent
FILES = (
    "__init__.py", "errors.py", "plpython.py", "service/__init__.py", "service/client.py", "service/failover.py",
    "util/__init__.py", "util/telemetry.py",
)  # fmt: skip
HEAVY = {"numpy", "onnxruntime", "psycopg", "sqlalchemy", "starlette", "httpx", "cv2", "PIL", "sqlglot"}
LOADED = """
import sys
before = set(sys.modules)
import open_analytic.plpython
print(*sorted({name for name in set(sys.modules) - before}))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that importing it loads, in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_a_backend_loads_nothing_heavy(loaded: set[str]) -> None:
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()


def test_a_backend_loads_the_standard_library_and_a_few_files_of_ours(loaded: set[str]) -> None:
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert foreign == {"open_analytic"}
    names = {"." + file.removesuffix(".py").replace("/", ".") for file in FILES}
    ours = {"open_analytic" + name.removesuffix(".__init__") for name in names}
    assert {name for name in loaded if name.startswith("open_analytic")} == ours


@pytest.mark.parametrize("file", FILES)
def test_it_is_python_3_9(file: str) -> None:
    tree = ast.parse((PACKAGE / file).read_text("utf-8"), file, feature_version=(3, 9))
    late = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    # `str | None` is evaluated where annotations are, and 3.9 cannot.
    assert late or not [node for node in ast.walk(tree) if _is_union(node)]
    # Outside annotations it is evaluated anyway.
    assert not [node for node in ast.walk(_without_annotations(tree)) if _is_union(node)]


def _is_union(node: ast.AST) -> bool:
    """``a | b`` of names: a union of types, or of classes in isinstance."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)


def _without_annotations(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree
