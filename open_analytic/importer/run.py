"""Pictures to collection: known ones dropped, the rest through the engine, rows committed chunk by chunk.

Files are read, decoded, run and written at the same time; memory is bounded by bytes, not by the number of files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, get_args

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, NoFace, OpenAnalyticError
from open_analytic.importer import checks, folder
from open_analytic.importer.feed import Feed, Incoming, Named, Picture, Values, incoming, values_of
from open_analytic.importer.items import Items, TableColumns
from open_analytic.importer.writer import Tally, Writer
from open_analytic.pipeline.engine import Engine, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.store import pictures as stored_pictures
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.loading import loading
from open_analytic.types import (
    CollectionInfo,
    Feature,
    ImportReport,
    OnConflict,
    PathLike,
    ProgressCallback,
    Row,
    Vector,
)

VectorRow: TypeAlias = tuple[str, Vector | Sequence[float], Mapping[str, Any] | None]

CHUNK_VECTORS = 2_000
PAGE = 500  # names of uncomputed rows; their bytes are read one row at a time, so memory does not grow with them


def import_files(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: CollectionInfo,
    paths: PathLike | Iterable[PathLike],
    *,
    values: Values | None = None,
    on_conflict: OnConflict = "error",
    name_column: str | None = None,
    text_column: str | None = None,
    progress: ProgressCallback | None = None,
    settings: Settings,
) -> ImportReport:
    """Import files and folders. An item that cannot be used is a failure in the report; the rest goes on.

    The kind of the pipeline's input says which files a folder gives, and whether tables hold items.

    What is already there with the same bytes is left alone but for ``values`` that differ from those of its row, which
    are written and counted as updated. The rows of a changed file are updated. Each chunk is one
    transaction: an interruption loses the chunk under way, and the next run goes on from there.
    """
    _check_choice(on_conflict)
    kind = plan.input_kind
    columns = TableColumns.of(kind, name_column, text_column, info)
    items = Items(folder.places(paths), kind, columns, settings.max_bytes)
    checks.check_values(database, info, values)
    survey, ignored = items.survey(named=bool(checks.by_picture(values)))
    unmatched = checks.unmatched(values, survey.names)
    if on_conflict == "error":
        checks.refuse_taken(database, info, items.candidates())
    tally = Tally(survey.files + len(survey.unlisted), progress, left_out=survey.left_out, unmatched=unmatched)
    tally.ignored_columns = ignored
    for name, error in survey.unlisted:
        tally.fail(name, error)
    return _import(database, engine, plan, info, items, values=values, on_conflict=on_conflict, tally=tally)


def import_pictures(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: CollectionInfo,
    pictures: Iterable[Named],
    *,
    values: Values | None = None,
    source: str | None = None,
    on_conflict: OnConflict = "error",
    tally: Tally,
) -> ImportReport:
    """Import pictures as they come, each with its name. A picture that cannot be used is a failure in the report.

    Names that pictures of other sources have are refused before anything is written when ``pictures`` is a sequence;
    of an iterator each such picture is a failure.
    """
    _check_choice(on_conflict)
    kind = plan.input_kind
    checks.check_values(database, info, values)
    if on_conflict == "error" and isinstance(pictures, Sequence):
        checks.refuse_taken(
            database,
            info,
            (
                checks.Candidate(name=each.name, source=each.source, digest=partial(checks.digest_of, each.data))
                for each in incoming(pictures, source, kind)
            ),
        )
    return _import(
        database,
        engine,
        plan,
        info,
        incoming(pictures, source, kind),
        values=values,
        on_conflict=on_conflict,
        tally=tally,
    )


def import_vectors(
    database: Database, info: CollectionInfo, rows: Iterable[VectorRow], *, progress: ProgressCallback | None = None
) -> ImportReport:
    """Import features computed elsewhere; of a name that is there the vector is updated, and its picture stays."""
    tally = Tally(len(rows) if isinstance(rows, Sequence) else None, progress)
    seen: set[str] = set()
    with loading(database, info, progress) as load:
        with Writer(database, info, tally, load, chunk=CHUNK_VECTORS) as writer:
            for batch in _batches(rows, CHUNK_VECTORS):
                with database.transaction() as connection:
                    seen.update(store.known(connection, info, [name for name, _, _ in batch]))
                for name, vector, values in batch:
                    feature = Feature(vector=vector)  # type: ignore[arg-type]  # the store checks and converts it
                    writer.add(Row(name=name, features=(feature,), values=values or {}), known=name in seen)
                    seen.add(name)
        return tally.report()


def uncomputed(database: Database, info: CollectionInfo) -> Iterator[Named]:
    """Rows that have bytes and no feature, such as those of an adopted table, as an import takes them.

    Name, bytes and source, in the order of names.
    """
    after = ""
    while True:
        with database.reading() as connection:
            names = stored_pictures.uncomputed(connection, info, after=after, limit=PAGE)
        for name, source in names:
            with database.reading() as connection:
                data = stored_pictures.image(connection, info, name)
            yield name, data, source
        if len(names) < PAGE:
            return
        after = names[-1][0]


def _import(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: CollectionInfo,
    pictures: Iterable[Incoming],
    *,
    values: Values | None,
    on_conflict: OnConflict,
    tally: Tally,
) -> ImportReport:
    engine.prepare(plan)
    feed = Feed(database, info, tally, on_conflict, values)
    results = engine.run_many(plan, feed.items(pictures))
    with loading(database, info, tally.progress) as load:
        with Writer(database, info, tally, load) as writer:
            for result in results:
                item = feed.pending.popleft()
                row = _row(item, result, values, replace=on_conflict == "replace")
                if isinstance(item, Picture) and isinstance(row, Row):
                    writer.add(row, known=item.known, name=item.original, place=item.place)
                elif isinstance(row, OpenAnalyticError):
                    tally.fail(item.original if isinstance(item, Picture) else item.name, row, place=item.place)
        return tally.report()


def _row(
    item: Picture | Incoming, result: Result | OpenAnalyticError, values: Values | None, *, replace: bool
) -> Row | OpenAnalyticError:
    """The row of a picture; one without a face is a result, too, which the next import need not look for again."""
    if isinstance(item, Incoming) or (isinstance(result, OpenAnalyticError) and not isinstance(result, NoFace)):
        assert isinstance(result, OpenAnalyticError)  # noqa: S101 - files without bytes were given to the engine as errors
        return result
    return Row(
        name=item.name,
        features=() if isinstance(result, OpenAnalyticError) else result.features,
        data=item.data,
        sha256=item.sha256,
        source=item.source,
        values=values_of(values, item.original, item.values),
        replaces=True if replace else item.known_as,
    )


def _check_choice(on_conflict: str) -> None:
    if on_conflict not in get_args(OnConflict):
        raise BadParameter(
            f"on_conflict is {on_conflict!r:.80}.", hint=f"Choose of: {', '.join(get_args(OnConflict))}."
        )


def _batches(rows: Iterable[VectorRow], size: int) -> Iterator[list[VectorRow]]:
    batch: list[VectorRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
