"""Other ways to search with a filter, for scale: faiss in memory, LanceDB and Qdrant (its local mode) in this process.

They are in the dependency group ``bench``; each is imported when it is measured, and one that is missing is named.
"""

import importlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np

from tests.bench.search_sets import Case, Filter, Gallery
from tests.bench.search_static import Ask, Cell, Contestant, timed

Open: TypeAlias = Callable[[Gallery, int, ExitStack], dict[str, Ask]]  # gallery, k, what to undo: strategies by name

CASES = (*(Case("random", share) for share in (0.01, 0.1, 1.0)), Case("correlated", 0.1), Case("anti-correlated", 0.1))
EFS = (40, 200, 1000)
M, EF_CONSTRUCTION = 16, 64  # as a collection's index
QUERIES, BUDGET_S = 50, 15.0  # a case and strategy; Qdrant's local mode filters in Python
BATCH = 10_000
REFINE = 10  # times k rows are looked at in full precision, as far as ef finds them
TARGET = 0.95  # of what stands beside them


def faiss(gallery: Gallery, k: int, stack: ExitStack) -> dict[str, Ask]:
    """HNSW over 32-bit floats. The filter is a bitmap, made anew for each query as a database would have to."""
    lib: Any = importlib.import_module("faiss")
    index = lib.IndexHNSWFlat(gallery.vectors.shape[1], M)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    for start in range(0, len(gallery), BATCH):
        index.add(gallery.vectors[start : start + BATCH].astype(np.float32))

    def ask(ef: int, query: int, condition: Filter) -> list[str]:
        selector = {}
        if condition.where:
            selector = {"sel": lib.IDSelectorBitmap(np.packbits(condition.keeps(gallery), bitorder="little"))}
        parameters = lib.SearchParametersHNSW(efSearch=ef, **selector)
        _, numbers = index.search(gallery.queries[query : query + 1].astype(np.float32), k, params=parameters)
        return [str(number) for number in numbers[0] if number >= 0]

    return {f"faiss HNSW ef {ef}": partial(ask, ef) for ef in EFS}


def lancedb(gallery: Gallery, k: int, stack: ExitStack) -> dict[str, Ask]:
    """Its HNSW over scalar-quantised vectors, re-ranked by the whole ones; its own filter goes first."""
    lib: Any = importlib.import_module("lancedb")
    arrow: Any = importlib.import_module("pyarrow")

    def batch(start: int) -> Any:
        part = slice(start, min(start + BATCH, len(gallery)))
        vectors = gallery.vectors[part].astype(np.float32)
        columns = {
            "number": np.arange(part.start, part.stop),
            "vector": arrow.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1]),
            "r": gallery.r[part],
            "cluster": gallery.cluster[part],
            "part": gallery.part[part],
        }
        return arrow.table(columns)

    table = lib.connect(stack.enter_context(tempfile.TemporaryDirectory())).create_table("gallery", batch(0))
    for start in range(BATCH, len(gallery), BATCH):
        table.add(batch(start))
    table.create_index(
        "l2",
        vector_column_name="vector",
        index_type="IVF_HNSW_SQ",
        num_partitions=1,
        m=M,
        ef_construction=EF_CONSTRUCTION,
    )

    def ask(ef: int, query: int, condition: Filter) -> list[str]:
        search = table.search(gallery.queries[query].astype(np.float32), vector_column_name="vector")
        if condition.text:
            search = search.where(condition.text, prefilter=True)
        rows = (
            search.ef(ef).refine_factor(max(1, min(REFINE, ef // k))).limit(k).select(["number", "_distance"]).to_list()
        )
        return [str(row["number"]) for row in rows]

    return {f"LanceDB HNSW ef {ef}": partial(ask, ef) for ef in EFS}


def qdrant(gallery: Gallery, k: int, stack: ExitStack) -> dict[str, Ask]:
    """The client's local mode: no index, every row is measured, and filters are Python."""
    lib: Any = importlib.import_module("qdrant_client")
    client, models = lib.QdrantClient(":memory:"), lib.models
    stack.callback(client.close)
    size = models.VectorParams(size=gallery.vectors.shape[1], distance=models.Distance.EUCLID)
    client.create_collection("gallery", vectors_config=size)
    client.upload_collection(
        "gallery",
        vectors=(vector.astype(np.float32) for vector in gallery.vectors),
        payload=map(gallery.values, range(len(gallery))),
        ids=range(len(gallery)),
    )

    def conditions(condition: Filter) -> Iterator[Any]:
        if condition.clusters is not None:
            yield models.FieldCondition(key="cluster", match=models.MatchAny(any=list(condition.clusters)))
        if condition.below:
            column, limit = condition.below
            yield models.FieldCondition(key=column, range=models.Range(lt=limit))

    def ask(query: int, condition: Filter) -> list[str]:
        response = client.query_points(
            "gallery",
            query=gallery.queries[query].astype(np.float32),
            query_filter=models.Filter(must=list(conditions(condition))),
            limit=k,
        )
        return [str(point.id) for point in response.points]

    return {"Qdrant local": ask}


OTHERS: dict[str, Open] = {"faiss-cpu": faiss, "lancedb": lancedb, "qdrant-client": qdrant}  # by distribution


def compare(gallery: Gallery, cells: Mapping[Case, Cell], k: int) -> None:
    """A Markdown table: everyone in a few cases, beside what was measured there before."""
    asks: dict[str, Ask] = {}
    with ExitStack() as stack:
        for name, opens in OTHERS.items():
            try:
                seconds, answers = timed(partial(opens, gallery, k, stack))
            except ModuleNotFoundError as error:
                print(f"{name.upper()} MISSING ({error}): not measured; pip install --group bench")
                continue
            print(f"{name} {version(name)} has loaded and indexed {len(gallery):,} rows in {seconds:.0f} s", flush=True)
            asks |= answers
        print(f"\n{gallery.name}, {len(gallery):,} rows, for scale\n")
        print("| filter | who | recall | k rows always | median ms |\n|---|---|---|---|---|")
        for case in CASES:
            if case in cells:
                cell = cells[case]
                print_rows(cell, [*beside(cell), *(measured(name, ask, cell, gallery) for name, ask in asks.items())])


def beside(cell: Cell) -> list[Contestant]:
    """Ours, the best static strategy, exact: as they were measured with all queries."""
    ours = [one for one in cell.contestants if one.target == TARGET]
    return list({one.name: one for one in [*ours, cell.best(TARGET), cell.contestants[0]]}.values())


def measured(name: str, ask: Ask, cell: Cell, gallery: Gallery) -> Contestant:
    """As many queries as there are time for."""
    one = Contestant(name, ask)
    ask(0, cell.filters[0])
    end = time.perf_counter() + BUDGET_S
    for query, condition in enumerate(cell.filters[:QUERIES]):
        one.answer(gallery, cell.truth, query, condition)
        if time.perf_counter() > end:
            break
    return one


def print_rows(cell: Cell, contestants: Iterable[Contestant]) -> None:
    for one in contestants:
        whole = "yes" if one.whole else "no"
        print(f"| {cell.case} | {one.name} | {one.recall:.3f} | {whole} | {one.ms:.2f} |", flush=True)
