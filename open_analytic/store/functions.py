"""The SQL functions of this version: ``migrations/functions``, applied whenever the database has others.

They are code, not history: the text there is current, and a hash of it is stored in the database.
"""

import hashlib
import re
from functools import cache
from pathlib import Path

from open_analytic import __version__
from open_analytic.errors import MissingExtension
from open_analytic.util import resources

# Types and views first, since functions take and return them; rights last.
ORDER = (
    "types",
    "views",
    "errors",
    "regions",
    "catalogue",
    "table_guard",
    "service",
    "pipeline_run",
    "pipelines",
    "existing",
    "columns",
    "collections",
    "adoption_check",
    "adoption",
    "indexes",
    "recall",
    "embedding",
    "filters",
    "search_plan",
    "search_walk",
    "search",
    "explain",
    "joins",
    "clusters",
    "cluster_runs",
    "verify",
    "operators",
    "access_method",
)

# The functions that reach the inference service exist once per language; ``use_body`` takes one of these texts.
BODIES = """
DELETE FROM open_analytic.bodies;
INSERT INTO open_analytic.bodies (name, source) VALUES
{values};
SELECT open_analytic._put_bodies();
"""

APPLIED = """
DELETE FROM open_analytic.code;
INSERT INTO open_analytic.code (hash, version) VALUES ('{hash}', '{version}');
"""


@cache
def digest() -> str:
    """SHA-256 of all files, in hexadecimal: what a database has to carry to be current."""
    sha = hashlib.sha256()
    for file in sorted(_folder().rglob("*.*")):
        if file.suffix in {".sql", ".txt"}:
            sha.update(f"{file.relative_to(_folder()).as_posix()}\0{_text(file)}\0".encode())
    return sha.hexdigest()


def script(vector_schema: str) -> str:
    """The SQL that brings a database at the newest revision to these functions, in one transaction.

    ``vector_schema`` is the schema of the extension vector. Errors: ``MissingExtension`` for a schema whose name
    cannot stand inside a function.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", vector_schema):
        raise MissingExtension(
            f"The extension vector is in the schema {vector_schema!r}, whose name cannot stand inside functions.",
            hint="ALTER EXTENSION vector SET SCHEMA public.",
        )
    texts = [
        "SET LOCAL search_path = pg_catalog, pg_temp;\nSET LOCAL check_function_bodies = off;\n",
        _before(),
        *(_text(_folder() / f"{name}.sql") for name in ORDER),
        BODIES.format(values=",\n".join(map(_body, sorted((_folder() / "bodies").glob("*.sql"))))),
        _text(_folder() / "grants.sql"),
        APPLIED.format(hash=digest(), version=__version__),
    ]
    schema = vector_schema if vector_schema.islower() else f'"{vector_schema}"'
    return "\n".join(texts).replace("@vector@", schema)


def _before() -> str:
    signatures = _text(_folder() / "signatures.txt").splitlines()
    listed = ",\n        ".join("'" + line.replace("'", "''") + "'" for line in signatures)
    return _text(_folder() / "before.sql").replace("@signatures@", listed or "''")


def _body(file: Path) -> str:
    return f"('{file.stem}', $source${_text(file)}$source$)"


def _folder() -> Path:
    return resources.folder("migrations") / "functions"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
