"""CREATE EXTENSION of AnalyticDB's extensions: one is this package, the other pgvector."""

from collections.abc import Mapping

from open_analytic.analyticdb.source import Source

CREATE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "open_analytic": ((), "open_analytic is here already: its schema is kept by the migrations of this package."),
    "fastann": (("CREATE EXTENSION IF NOT EXISTS vector",), "pgvector does here what fastann does in AnalyticDB."),
}
DROP: Mapping[str, str] = {
    "open_analytic": "`open-analytic db downgrade base` removes the schema.",
    "fastann": "Remove the statement: pgvector stays, the collections of open_analytic need it.",
}


def translate(source: Source) -> tuple[tuple[str, ...], str] | None:
    """What the statement becomes and why; None when it is of no extension that AnalyticDB has beyond PostgreSQL."""
    words = source.words(2)
    if words not in (["create", "extension"], ["drop", "extension"]):
        return None
    names = [token.name for token in source.tokens[2:] if token.word not in ("if", "not", "exists")]
    if words == ["create", "extension"]:
        return CREATE.get(names[0]) if names else None
    for name in names:
        if name in DROP:
            raise source.refused(f"The extension {name} cannot be dropped by a script.", DROP[name])
    return None
