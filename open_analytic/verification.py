"""Same or different: two pictures by a pipeline's table of rates, and that table from labelled pairs."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadParameter, InvalidPipeline, OpenAnalyticError
from open_analytic.importer import folder
from open_analytic.kinds.image import nothing
from open_analytic.pipeline import rates as arithmetic
from open_analytic.pipeline.engine import Engine, Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.store import rates
from open_analytic.store.connection import Database
from open_analytic.types import (
    Calibration,
    Failure,
    Metric,
    PathLike,
    PipelineInfo,
    Progress,
    ProgressCallback,
    RateTable,
    Vector,
    Verification,
)

Picture: TypeAlias = bytes | PathLike
Compared: TypeAlias = Picture | Vector | Sequence[float]
Pair: TypeAlias = tuple[Picture, Picture, bool]  # whether both show the same
Pairs: TypeAlias = NDArray[np.int64]  # (n, 3) numbers of two vectors, and 1 where both show the same

FALSE_ACCEPT_RATE = 0.01  # unless another is asked for
CHUNK = 10_000  # pairs whose vectors are held at once


def verify(
    database: Database,
    engine: Engine,
    plan: Plan,
    both: tuple[Compared, Compared],
    *,
    false_accept_rate: float,
    metric: Metric,
    max_bytes: int,
) -> Verification:
    """The verdict on two pictures or vectors; a rate that the table lacks raises before a model runs."""
    with database.transaction() as connection:
        rates.check(connection, plan.name, false_accept_rate=false_accept_rate, metric=metric)
    a, b = _compared(engine, plan, both, max_bytes)
    with database.transaction() as connection:
        return rates.verify(connection, a, b, pipeline=plan.name, false_accept_rate=false_accept_rate, metric=metric)


def calibrate(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: PipelineInfo,
    pairs: Iterable[Pair],
    *,
    source: str,
    metric: Metric,
    max_bytes: int,
    progress: ProgressCallback | None = None,
) -> Calibration:
    """Measure the distances of labelled pairs and keep the table. A picture that fails takes only its own pairs out."""
    _check(plan, source, metric)
    labelled = [_pair(number, pair) for number, pair in enumerate(pairs, 1)]
    places: dict[Picture, int] = {}
    for picture in itertools.chain.from_iterable(pair[:2] for pair in labelled):
        places.setdefault(picture, len(places))
    items = [partial(folder.read, Path(each), max_bytes) if isinstance(each, str | Path) else each for each in places]
    vectors = list(_vectors(engine, plan, items, progress))
    failed = _failures(places, vectors)
    good = [not isinstance(each, OpenAnalyticError) for each in vectors]
    numbers = [(places[a], places[b], same) for a, b, same in labelled]
    usable = np.array([line for line in numbers if good[line[0]] and good[line[1]]], dtype=np.int64).reshape(-1, 3)
    if failed and not len(usable):
        raise failed[0].error  # says more than that there are no pairs
    table = _table(info, vectors, usable, source=source, metric=metric)
    with database.transaction() as connection:
        rates.keep(connection, table)
    return Calibration(table=table, skipped=len(labelled) - len(usable), failed=failed)


def _failures(pictures: Iterable[Picture], vectors: Iterable[Vector | OpenAnalyticError]) -> tuple[Failure, ...]:
    """Each picture that failed: by its path, or by its number among the different pictures."""
    return tuple(
        Failure(name=str(picture) if isinstance(picture, str | Path) else f"picture {number}", error=error)
        for number, (picture, error) in enumerate(zip(pictures, vectors, strict=True), 1)
        if isinstance(error, OpenAnalyticError)
    )


def _check(plan: Plan, source: str, metric: Metric) -> None:
    if plan.dim is None:
        raise InvalidPipeline(
            f"Pipeline {plan.name!r} gives no vector, so there is no distance to measure.",
            hint="Take a pipeline that gives one, such as face_feature_extractor.",
        )
    if metric not in get_args(Metric):
        raise BadParameter(f"There is no metric {metric!r}.", hint=f"Choose of: {', '.join(get_args(Metric))}.")
    if not source.strip() or "\0" in source:
        raise BadParameter("source is empty: describe where the labelled pairs come from.", hint="source='our badges'.")


def _pair(number: int, pair: Pair) -> Pair:
    """The pair, checked: a label that is a text would count as true, whatever it says."""
    try:
        a, b, same = pair
        if same in (False, True) and all(isinstance(each, bytes | str | Path) for each in (a, b)):
            return a, b, bool(same)
    except (TypeError, ValueError):
        pass
    raise BadParameter(
        f"Pair {number} is not (picture, picture, whether both show the same).",
        hint="A picture is its bytes or its path, whether they are the same True or False.",
    )


def _table(
    info: PipelineInfo, results: list[Vector | OpenAnalyticError], pairs: Pairs, *, source: str, metric: Metric
) -> RateTable:
    """The table of pairs that are numbers of vectors; a part at a time, since many pairs have few pictures."""
    none = np.zeros(info.dim or 0, dtype=np.float32)
    rows = [none if isinstance(each, OpenAnalyticError) else each for each in results]
    vectors = np.array(rows).reshape(-1, len(none))
    distances = [
        arithmetic.distances(vectors[chunk[:, 0]], vectors[chunk[:, 1]], metric)
        for chunk in np.split(pairs, range(CHUNK, len(pairs), CHUNK))
    ]
    same = pairs[:, 2] == 1
    return RateTable(
        pipeline=info.name,
        version=info.version,
        hash=info.hash,
        metric=metric,
        rates=arithmetic.table(same, np.concatenate(distances)),
        same_pairs=int(same.sum()),
        different_pairs=int((~same).sum()),
        source=source,
        measured_at=datetime.now(UTC),
    )


def _vectors(
    engine: Engine, plan: Plan, items: Sequence[Item], progress: ProgressCallback | None
) -> Iterator[Vector | OpenAnalyticError]:
    failed = 0
    for done, result in enumerate(engine.run_many(plan, items), 1):
        vector = _vector(plan, result)
        failed += isinstance(vector, OpenAnalyticError)
        if progress:
            progress(Progress(what="pictures", done=done, total=len(items), failed=failed))
        yield vector


def _vector(plan: Plan, result: Result | OpenAnalyticError) -> Vector | OpenAnalyticError:
    """That of the largest region of a picture."""
    if isinstance(result, OpenAnalyticError):
        return result
    if not result.features:
        return nothing(plan.region, "Give a picture that shows {}.")
    return max(result.features, key=lambda feature: feature.extent).vector


def _compared(engine: Engine, plan: Plan, both: tuple[Compared, Compared], max_bytes: int) -> list[Vector]:
    """Pictures go through the pipeline side by side, vectors are taken as they are. An error says which of the two."""
    queries = [_read(name, each, max_bytes) for name, each in zip("ab", both, strict=True)]
    ran = iter(engine.run(plan, [each for each in queries if isinstance(each, bytes)]))
    vectors = []
    for name, each in zip("ab", queries, strict=True):
        vector = _vector(plan, next(ran)) if isinstance(each, bytes) else each
        if isinstance(vector, OpenAnalyticError):
            raise _of(name, vector)
        vectors.append(vector)
    return vectors


def _read(name: str, operand: Compared, max_bytes: int) -> bytes | Vector:
    if isinstance(operand, bytes | bytearray | memoryview):
        return bytes(operand)
    try:
        if isinstance(operand, str | Path):
            return folder.read(Path(operand), max_bytes)
        vector = np.asarray(operand, dtype=np.float32)
        if vector.ndim == 1 and vector.size:
            return vector
    except OpenAnalyticError as error:
        raise _of(name, error) from error
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadParameter(
        f"{name} is a picture's bytes, a path or a vector of numbers, not {type(operand).__name__}.",
        hint="Of a file: verify(Path(one), Path(other)).",
    )


def _of(name: str, error: OpenAnalyticError) -> OpenAnalyticError:
    return type(error)(f"{name}: {error.message}", hint=error.hint)
