"""What stands in the WITH of an ann index, as pgvector's HNSW has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from open_analytic import types
from open_analytic.analyticdb.column import MAX_DIM
from open_analytic.analyticdb.source import Source

METRICS = {"l2": "l2", "ip": "ip", "cosine": "cosine"}  # AnalyticDB's word -> pgvector's, as in vector_l2_ops
OFF = ("0", "off", "false", "no")
ONLY_OFF: Mapping[str, str] = {  # on in AnalyticDB means:
    "pq_enable": "product quantisation, which pgvector does not have",
    "external_storage": "an index beside the pages of the database, which pgvector does not have",
}
IGNORED = ("pq_segments", "pq_centers")  # without pq_enable they say nothing
KNOWN = ("dim", "distancemeasure", "hnsw_m", "hnsw_ef_construction", *ONLY_OFF, *IGNORED)
# pgvector's limits.
M = (2, 100)
EF_CONSTRUCTION = (4, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """An index's dim and metric, and HNSW's two numbers where they are given."""

    dim: int | None = None
    metric: str = "l2"
    m: int | None = None
    ef_construction: int = types.EF_CONSTRUCTION

    @property
    def storage(self) -> str:
        """The WITH of the HNSW index."""
        m = "" if self.m is None else f"m = {self.m}, "
        return f"WITH ({m}ef_construction = {self.ef_construction})"


def read(source: Source, texts: Mapping[str, str]) -> Options:
    """The options of the statement; what pgvector cannot do is refused by name."""
    for name, value in texts.items():
        if name not in KNOWN:
            raise source.refused(f"An ann index has no option {name!r}.", f"Known: {', '.join(KNOWN)}.")
        if name in ONLY_OFF and value not in OFF:
            raise source.refused(f"{name} asks for {ONLY_OFF[name]}.", f"Leave {name} out, or set it to 0.")
    metric = texts.get("distancemeasure", "l2")
    if metric not in METRICS:
        known = ", ".join(map(str.upper, METRICS))
        raise source.refused(f"There is no distancemeasure {metric.upper()}.", f"Known: {known}.")
    number = _numbers(source, texts)
    m, ef = number("hnsw_m", *M), number("hnsw_ef_construction", *EF_CONSTRUCTION)
    least = 2 * (m or types.M)  # pgvector's condition
    if ef is None:
        ef = max(types.EF_CONSTRUCTION, least)
    if ef < least:
        raise source.refused(f"hnsw_ef_construction is {ef}; pgvector wants twice hnsw_m.", f"Write at least {least}.")
    return Options(dim=number("dim", 1, MAX_DIM), metric=METRICS[metric], m=m, ef_construction=ef)


def _numbers(source: Source, texts: Mapping[str, str]) -> Callable[[str, int, int], int | None]:
    def number(name: str, least: int, most: int) -> int | None:
        text = texts.get(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise source.refused(f"{name} is {text}.", f"pgvector takes {least} to {most}.")
        return int(text)

    return number
