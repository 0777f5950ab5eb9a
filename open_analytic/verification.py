"""Same or different: two pictures by a pipeline's table of rates, and that table from labelled pairs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from open_analytic import importer
from open_analytic.errors import BadParameter, InvalidPipeline, NoFace, OpenAnalyticError
from open_analytic.pipeline import rates as arithmetic
from open_analytic.pipeline.engine import Engine, Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.store import rates
from open_analytic.store.connection import Database
from open_analytic.types import (
    Calibration,
    Failure,
    Feature,
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

FALSE_ACCEPT_RATE = 0.01  # unless another is asked for
METRICS = ("l2", "cosine", "ip")


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
    """The verdict on two pictures or vectors; a rate that cannot be had is told before a model runs."""
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
    pairs = list(pairs)
    _check(plan, source, metric)
    places: dict[Picture, int] = {}
    for pair in pairs:
        for picture in pair[:2]:
            places.setdefault(picture, len(places))
    items = [partial(importer.read, Path(each), max_bytes) if isinstance(each, str | Path) else each for each in places]
    found = list(_vectors(engine, plan, items, progress))
    usable = [
        (one, other, same)
        for a, b, same in pairs
        if not isinstance(one := found[places[a]], OpenAnalyticError)
        and not isinstance(other := found[places[b]], OpenAnalyticError)
    ]
    table = _table(info, usable, source=source, metric=metric)
    with database.transaction() as connection:
        rates.keep(connection, table)
    failed = tuple(
        Failure(name=str(picture) if isinstance(picture, str | Path) else f"picture {number}", error=error)
        for number, (picture, error) in enumerate(zip(places, found, strict=True), 1)
        if isinstance(error, OpenAnalyticError)
    )
    return Calibration(table=table, skipped=len(pairs) - len(usable), failed=failed)


def _check(plan: Plan, source: str, metric: Metric) -> None:
    if plan.dim is None:
        raise InvalidPipeline(
            f"Pipeline {plan.name!r} gives no vector, so there is no distance to measure.",
            hint="Take a pipeline that gives one, such as face_feature_extractor.",
        )
    if metric not in METRICS:
        raise BadParameter(f"The metric {metric!r} is not known.", hint=f"Known: {', '.join(METRICS)}.")
    if not source.strip() or "\0" in source:
        raise BadParameter("The source of the pairs is not said.", hint="Say whose they are: source='our badges'.")


def _table(info: PipelineInfo, pairs: list[tuple[Vector, Vector, bool]], *, source: str, metric: Metric) -> RateTable:
    shape = (len(pairs), info.dim or 0)
    a, b = (np.array([pair[place] for pair in pairs], dtype=np.float32).reshape(shape) for place in (0, 1))
    same = np.array([pair[2] for pair in pairs], dtype=bool)
    return RateTable(
        pipeline=info.name,
        version=info.version,
        hash=info.hash,
        metric=metric,
        rates=arithmetic.table(same, arithmetic.distances(a, b, metric)),
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
        vector = _vector(result)
        failed += isinstance(vector, OpenAnalyticError)
        if progress:
            progress(Progress(what="pictures", done=done, total=len(items), failed=failed))
        yield vector


def _vector(result: Result | OpenAnalyticError) -> Vector | OpenAnalyticError:
    """That of the largest region of a picture."""
    if isinstance(result, OpenAnalyticError):
        return result
    if not result.features:
        return NoFace(hint="Give a picture that shows a face.")
    return max(result.features, key=_area).vector


def _compared(engine: Engine, plan: Plan, both: tuple[Compared, Compared], max_bytes: int) -> list[Vector]:
    """Pictures go through the pipeline side by side, vectors are taken as they are. An error says which of the two."""
    found = [_read(name, each, max_bytes) for name, each in zip("ab", both, strict=True)]
    ran = iter(engine.run(plan, [each for each in found if isinstance(each, bytes)]))
    vectors = []
    for name, each in zip("ab", found, strict=True):
        vector = _vector(next(ran)) if isinstance(each, bytes) else each
        if isinstance(vector, OpenAnalyticError):
            raise _of(name, vector)
        vectors.append(vector)
    return vectors


def _read(name: str, given: Compared, max_bytes: int) -> bytes | Vector:
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    try:
        if isinstance(given, str | Path):
            return importer.read(Path(given), max_bytes)
        vector = np.asarray(given, dtype=np.float32)
        if vector.ndim == 1 and vector.size:
            return vector
    except OpenAnalyticError as error:
        raise _of(name, error) from error
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadParameter(
        f"{name} is a picture's bytes, a path or a vector of numbers, not {type(given).__name__}.",
        hint="Of a file: verify(Path(one), Path(other)).",
    )


def _of(name: str, error: OpenAnalyticError) -> OpenAnalyticError:
    return type(error)(f"{name}: {error.message}", hint=error.hint)


def _area(feature: Feature) -> float:
    return feature.box.area if feature.box else 0.0
