"""SET of fastann's settings. PostgreSQL would accept any of them silently, without an effect."""

from collections.abc import Mapping

from open_analytic.analyticdb.source import Source

SETTINGS: Mapping[str, str] = {
    "hnsw_ef_search": "hnsw.ef_search",
    "build_parallel_processes": "max_parallel_maintenance_workers",
}


def translate(source: Source) -> tuple[tuple[str, ...], str] | None:
    """What the statement becomes and why; None when it sets nothing of fastann."""
    if source.words(1) not in (["set"], ["reset"]):
        return None
    first = 2 if source.words(2)[1:] in (["local"], ["session"]) else 1
    names = [token.name for token in source.tokens[first : first + 3]]
    if len(names) < 3 or names[0] != "fastann" or source.tokens[first + 1].text != ".":
        return None
    ours = SETTINGS.get(names[2])
    if ours is None:
        raise source.refused(
            f"The setting fastann.{names[2]} has no counterpart in pgvector.",
            f"Remove it. Translated are: {', '.join(SETTINGS)}.",
        )
    edit = (source.tokens[first].start, source.tokens[first + 2].end, ours)
    return (source.edited([edit]),), f"fastann.{names[2]} is called {ours} here."
