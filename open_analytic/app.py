"""OpenAnalytic joins the database and the engine: pipelines by name, collections, and nothing else to deploy."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from open_analytic import importer, verification
from open_analytic.collection import Collection
from open_analytic.config import Settings
from open_analytic.embedded import Server, bootstrap
from open_analytic.errors import BadParameter, CollectionExists, InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.pipeline import spec as specs
from open_analytic.pipeline.cost import check_pixels
from open_analytic.pipeline.engine import Engine, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.plan import plan as make_plan
from open_analytic.pipeline.plan_cache import PlanCache
from open_analytic.runtime.local import LocalEngine
from open_analytic.service.remote import RemoteEngine
from open_analytic.store import collections, pipelines, rates, schema
from open_analytic.store.audit import Auditor
from open_analytic.store.connection import Database
from open_analytic.types import (
    Calibration,
    CollectionInfo,
    ImportReport,
    Json,
    Metric,
    PathLike,
    PipelineInfo,
    ProgressCallback,
    RateTable,
    Verification,
)
from open_analytic.util.cancellation import Origin

PLAN_SECONDS = 1.0  # a pipeline created or dropped by another process is seen after this long
PLANS = 1000  # that are kept, one a pipeline and set of parameters


def connect(
    dsn: str | None = None,
    *,
    home: PathLike | None = None,
    service: str | Sequence[str] | None = None,
    settings: Settings | None = None,
) -> "OpenAnalytic":
    """Open a database: the DSN's, else OPEN_ANALYTIC_DSN's, else the embedded server in ``home`` (./.open_analytic).

    The embedded server is started, shared with other processes, brought up to date, and stopped after its last user.
    A server of your own is never changed: ``open-analytic db upgrade`` does that. Models run in this process, or in the
    ``service`` at an address (``unix:/path``, ``http://host:port``) or at several.
    """
    settings = settings or Settings.read()
    if dsn is not None:
        settings = dataclasses.replace(settings, dsn=dsn)
    elif home is not None:
        settings = dataclasses.replace(settings, dsn=None, home=Path(home))
    if service is not None:
        settings = dataclasses.replace(settings, service=service if isinstance(service, str) else ",".join(service))
    if settings.dsn:
        schema.check(settings.dsn)
        return OpenAnalytic(Database(settings.dsn, settings), settings)
    server = bootstrap.start(settings)
    try:
        return OpenAnalytic(Database(bootstrap.Address(server, settings), settings), settings, server=server)
    except BaseException:
        server.close()
        raise


def _engine(library: Library, settings: Settings) -> Engine:
    if settings.service:
        return RemoteEngine(settings.service, token=settings.service_token)
    return LocalEngine(library, settings)


class OpenAnalytic:
    """Pipelines and collections of one database. Threads can share it; close it, or use it in ``with``."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        server: Server | None = None,
        library: Library | None = None,
        engine: Engine | None = None,
        plan_seconds: float = PLAN_SECONDS,
    ) -> None:
        self.settings = settings
        self.library = library or Library(settings)
        self.engine: Engine = engine or _engine(self.library, settings)
        self._plan_seconds = plan_seconds  # with 0 the catalogue is asked each time
        self._database, self._origin = database, Origin()
        self._auditor = Auditor(database, percent=settings.audit_percent)
        self._server = server
        self._plans: dict[tuple[str, str], tuple[float, Plan]] = {}
        self._versions = PlanCache(lambda: self.library.cards)
        self._lock = threading.Lock()

    @property
    def dsn(self) -> str:
        """Where the database is, for psql and other clients."""
        return self._database.dsn

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections, unload models and, when nobody else uses it, release the embedded server.

        In a forked process only its copies of the sockets are closed: the parent goes on.
        """
        if not self._origin.is_here:  # threads, locks and sessions are the parent's
            self._database.close()
            return
        self._auditor.close()
        self.engine.close()
        self._database.close()
        if self._server:
            self._server.close()

    # Pipelines

    def pipeline_create(self, name: str, definition: str | Mapping[str, Any] | None = None) -> PipelineInfo:
        """Register a pipeline: a preset of this name, or your own definition (TOML or JSON text, or a dict).

        The same definition again changes nothing; a different one becomes a new version.
        """
        spec = specs.preset(name) if definition is None else specs.load(definition, name=name)
        plan = make_plan(spec, self.library.cards, registered=True)
        with self._database.transaction() as connection:
            if not pipelines.has(connection, plan.hash):
                check_pixels(plan.calls, len(plan.spec.steps))
            info = pipelines.register(connection, plan)
        self._forget(name)
        return info

    def pipeline_run(self, name: str, data: bytes | str, **parameters: Any) -> Json:
        """The pipeline's outputs for one input, as JSON has them: ``{"feature": [...]}``.

        ``data`` is bytes; a pipeline whose input is text takes a str too.
        """
        plan = self.plan(name, parameters)
        (result,) = self.engine.run(plan, [_bytes(plan, data)])
        if isinstance(result, OpenAnalyticError):
            raise result
        return result.output

    def pipeline_run_many(
        self, name: str, items: Iterable[bytes | str], *, batch_size: int | None = None, **parameters: Any
    ) -> Iterator[Json | OpenAnalyticError]:
        """One output for each input, in order; a bad input gives its error and the rest goes on. Memory is bounded."""
        plan = self.plan(name, parameters)
        return map(_output, self.engine.run_many(plan, map(partial(_bytes, plan), items), batch_size=batch_size))

    def pipeline_drop(self, name: str) -> None:
        """Forget a pipeline. Refused (PipelineInUse) while collections hold its features."""
        with self._database.transaction() as connection:
            pipelines.drop(connection, name)
        self._forget(name)

    def pipelines(self) -> list[PipelineInfo]:
        """The registered pipelines, each in its newest version."""
        with self._database.transaction() as connection:
            return pipelines.all(connection)

    def pipeline(self, name: str) -> PipelineInfo:
        """One registered pipeline in its newest version."""
        with self._database.transaction() as connection:
            return pipelines.get(connection, name)

    def is_registered(self, hash: str) -> bool:  # noqa: A002 - the catalogue's word
        """Whether a definition was registered with these models, under whatever name."""
        with self._database.transaction() as connection:
            return pipelines.has(connection, hash)

    def pipeline_calibrate(
        self,
        name: str,
        pairs: Iterable[verification.Pair],
        *,
        source: str,
        metric: Metric = "l2",
        progress: ProgressCallback | None = None,
    ) -> Calibration:
        """Measure on labelled pairs what distances are worth: ``verify`` decides by it from then on.

        A pair is (picture, picture, whether both show the same), a picture its bytes or its path; ``source`` says whose
        pairs they are. Pairs with a picture that fails are left out and counted.
        """
        info = self.pipeline(name)
        return verification.calibrate(
            self._database,
            self.engine,
            self._plan_of(info, {}),
            info,
            pairs,
            source=source,
            metric=metric,
            max_bytes=self.settings.max_bytes,
            progress=progress,
        )

    def pipeline_rates(self, name: str) -> list[RateTable]:
        """What distances of the newest version are worth, a table a metric; none when nothing was measured."""
        with self._database.transaction() as connection:
            pipelines.get(connection, name)
            return rates.get(connection, name)

    def verify(
        self,
        a: verification.Compared,
        b: verification.Compared,
        pipeline: str = "face_feature_extractor",
        *,
        false_accept_rate: float = verification.FALSE_ACCEPT_RATE,
        metric: Metric = "l2",
    ) -> Verification:
        """Whether two pictures (bytes, or a path) or two vectors show the same, and what that is worth.

        Of a picture with several faces the largest counts. ``false_accept_rate`` is the share of different pairs that
        can be taken for the same; it is decided at the largest rate of the pipeline's table that is not above it.
        """
        return verification.verify(
            self._database,
            self.engine,
            self._plan_of(self.pipeline(pipeline), {}),
            (a, b),
            false_accept_rate=false_accept_rate,
            metric=metric,
            max_bytes=self.settings.max_bytes,
        )

    def plan(self, name: str, parameters: Mapping[str, Any] | None = None) -> Plan:
        """What running the newest version of a pipeline means, its models and parameters settled."""
        key = (name, json.dumps(parameters or {}, sort_keys=True, default=repr))
        self._origin.check()
        with self._lock:
            entry = self._plans.get(key)
        if entry and time.monotonic() - entry[0] < self._plan_seconds:
            return entry[1]
        info = self.pipeline(name)
        plan = self._plan_of(info, parameters or {})
        with self._lock:
            self._plans.pop(key, None)
            self._plans[key] = (time.monotonic(), plan)
            if len(self._plans) > PLANS:
                del self._plans[next(iter(self._plans))]
        return plan

    def _plan_of(self, info: PipelineInfo, parameters: Mapping[str, Any]) -> Plan:
        return self._versions.get(info, parameters)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._plans = {key: plan for key, plan in self._plans.items() if key[0] != name}

    # Collections

    def create_collection(
        self,
        name: str,
        *,
        pipeline: str,
        columns: Mapping[str, str] | None = None,
        metric: Metric = "l2",
        parameters: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Collection:
        """Create a table for a pipeline's vectors: its own columns and yours (``columns``: name -> SQL type).

        It is bound to the pipeline's present version and to ``parameters``; vectors of another version are refused.
        CollectionExists when the name is taken. With ``exist_ok`` the collection of that name comes back when it is
        alike (columns added later make no difference), else the error says what differs.
        """
        info, plan = self._storable(pipeline, parameters)
        try:
            with self._database.transaction() as connection:
                created = collections.create(
                    connection, name=name, plan=plan, pipeline=info, columns=columns or {}, metric=metric
                )
        except CollectionExists as error:
            with self._database.transaction() as connection:
                shape = collections.shape(name=name, plan=plan, pipeline=info, columns=columns or {}, metric=metric)
                created = collections.existing(connection, shape, error, exist_ok=exist_ok)
        return self._collection(created)

    def adopt(
        self,
        table: str,
        *,
        pipeline: str,
        metric: Metric = "l2",
        parameters: Mapping[str, Any] | None = None,
        name_column: str | None = None,
        data_column: str | None = None,
        feature_column: str = "feature",
        feature_version: int | None = None,
    ) -> Collection:
        """Make a collection of your own table: its rows, columns, indexes, triggers and owner stay.

        The columns that a collection needs are added; nothing else changes. ``name_column`` and ``data_column`` are
        the table's own (default: as in a new collection). UnsuitableTable when a column has another type, or the
        feature another name: its hint holds the ALTER TABLE statements, for you to run. ``feature_version`` says which
        version of the pipeline made the features of the table; ``compute_features`` makes those it lacks.
        """
        info, plan = self._storable(pipeline, parameters)
        shape = collections.shape(name=table, plan=plan, pipeline=info, columns={}, metric=metric)
        renamed = {"name": name_column, "data": data_column, "feature": feature_column}
        with self._database.transaction() as connection:
            return self._collection(
                collections.adopt(connection, shape, renamed=renamed, feature_version=feature_version)
            )

    def compute_features(self, name: str, *, progress: ProgressCallback | None = None) -> ImportReport:
        """Run the pipeline on rows of a collection that have bytes and no feature, such as those of an adopted table.

        Each chunk is one transaction; an interrupted call goes on where it stopped when it is repeated.
        """
        collection = self.collection(name)
        tally = importer.Tally(progress=progress)
        return collection.import_items(importer.uncomputed(self._database, collection.info), tally=tally)

    def collection(self, name: str) -> Collection:
        """The collection of this name."""
        with self._database.transaction() as connection:
            return self._collection(collections.get(connection, name))

    def collections(self) -> list[Collection]:
        """All collections, by name."""
        with self._database.transaction() as connection:
            return [self._collection(info) for info in collections.all(connection)]

    def drop_collection(self, name: str) -> None:
        """Drop the collection with its table: its pictures and vectors are gone. An adopted table stays."""
        with self._database.transaction() as connection:
            collections.drop(connection, name)

    def _storable(self, pipeline: str, parameters: Mapping[str, Any] | None) -> tuple[PipelineInfo, Plan]:
        """A pipeline's newest version and its plan; InvalidPipeline when it gives no vector."""
        with self._database.transaction() as connection:
            info = pipelines.get(connection, pipeline)
            plan = self._plan_of(info, parameters or {})
            if plan.dim is None:
                raise InvalidPipeline(
                    f"Pipeline {pipeline!r} gives no vector, so there is nothing to search by.",
                    hint="A collection needs a pipeline that gives one, such as general_feature_extractor.",
                )
        return info, plan

    def _collection(self, info: CollectionInfo) -> Collection:
        return Collection(
            info, self._database, self.engine, self.settings, partial(self._plan_for, info), self._auditor
        )

    def _plan_for(self, info: CollectionInfo, **changed: Any) -> Plan:
        """The plan of the version that the collection was created with; parameters can differ."""
        if info.pipeline is None:
            raise BadParameter(
                f"Collection {info.name!r} is bound to no pipeline.", hint="Import and search by vectors instead."
            )
        with self._database.transaction() as connection:
            return self._plan_of(pipelines.get(connection, info.pipeline, info.version), {**info.parameters, **changed})


def _bytes(plan: Plan, data: bytes | str) -> bytes:
    encode = plan.input_kind.encode
    if encode and isinstance(data, str):
        return encode(data)
    if not isinstance(data, bytes | bytearray | memoryview):
        raise BadParameter(
            f"A pipeline takes {'text or bytes' if encode else 'bytes'}, not {type(data).__name__}.",
            hint="Of a file: Path(name).read_bytes().",
        )
    return bytes(data)


def _output(result: Result | OpenAnalyticError) -> Json | OpenAnalyticError:
    return result if isinstance(result, OpenAnalyticError) else result.output
