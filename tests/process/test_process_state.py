"""A program that imports and uses open_analytic keeps its process as it was: no library is changed for it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image

from tests import tiny
from tests.process.runner import PLAIN, REPOSITORY

# Run in a fresh interpreter. Everything foreign is imported before the first look: what it does to itself is its own.
PROGRAM = """
import asyncio, atexit, copyreg, decimal, faulthandler, gc, importlib, json, locale, logging, mimetypes, multiprocessing
import os, pkgutil, resource, signal, socket, ssl, sys, tempfile, threading, time, urllib.request, warnings
from pathlib import Path

import alembic.command, cv2, h11, httpx, jinja2, numpy as np, onnx, orjson, pgvector.psycopg, platformdirs
import prometheus_client, psycopg, rich.progress, sqlalchemy, sqlglot, starlette.applications
import starlette.convertors, starlette.templating, typer
from PIL import Image, ImageFile, features
from sqlglot.dialects.dialect import Dialect

Image.init()  # every plugin, as Image.open loads them
mimetypes.init()
tempfile.gettempdir()


def signals():
    numbers = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    return {number: repr(signal.getsignal(number)) for number in numbers}


def adapters(kind):
    try:
        return repr(psycopg.adapters.get_dumper(kind, psycopg.adapt.PyFormat.AUTO))
    except psycopg.ProgrammingError:
        return None


def mask():
    old = os.umask(0o022)
    os.umask(old)
    return old


def look():
    root = logging.getLogger()
    return {
        "warnings.filters": [repr(each) for each in warnings.filters],
        "warnings.showwarning": repr(warnings.showwarning),
        "starlette.convertors": {name: repr(type(each)) for name, each in starlette.convertors.CONVERTOR_TYPES.items()},
        "signals": signals(),
        "signal.wakeup_fd": signal.set_wakeup_fd(-1),
        "cv2": [cv2.getNumThreads(), cv2.utils.logging.getLogLevel(), cv2.useOptimized()],
        "environment": dict(os.environ),
        "working folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "time zone": list(time.tzname),
        "logging": [repr(root.handlers), root.level, logging.raiseExceptions, repr(logging.lastResort),
                    repr(logging.getLoggerClass()), logging.root.manager.disable, repr(logging.getLogRecordFactory())],
        "loggers": {name: [each.level, repr(each.handlers), each.propagate, each.disabled]
                    for name in ("alembic", "sqlalchemy", "psycopg", "PIL", "asyncio")
                    for each in [logging.getLogger(name)]},
        "umask": mask(),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if "RLIMIT" in name},
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "cores": sorted(os.sched_getaffinity(0)),
        "sys.path": list(sys.path),
        "import system": [repr(sys.meta_path), repr(sys.path_hooks), sys.dont_write_bytecode],
        "hooks": [repr(each) for each in (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook,
                                          sys.gettrace(), sys.getprofile(), threading.gettrace())],
        "interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(),
                        threading.stack_size()],
        "streams": [repr(sys.stdin), repr(sys.stdout), repr(sys.stderr)],
        "psycopg.types": sorted(each.name for each in psycopg.adapters.types),
        "psycopg.adapters": {kind.__name__: adapters(kind) for kind in (dict, list, bytes, np.ndarray, np.float32)},
        "PIL": [Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK, sorted(Image.ID),
                sorted(Image.OPEN), sorted(Image.EXTENSION.items()), sorted(Image.SAVE)],
        "numpy": [np.geterr(), np.geterrcall(), repr(np.get_printoptions()), np.getbufsize()],
        "random": np.random.get_state()[1].tolist(),
        "faulthandler": faulthandler.is_enabled(),
        "multiprocessing": multiprocessing.get_start_method(allow_none=True),
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), gc.get_debug()],
        "decimal": repr(decimal.getcontext()),
        "socket timeout": socket.getdefaulttimeout(),
        "asyncio": repr(type(asyncio.get_event_loop_policy())),
        "ssl": repr(ssl._create_default_https_context),
        "urllib": repr(urllib.request._opener),
        "mimetypes": mimetypes.types_map,
        "tempfile": [tempfile.tempdir, tempfile.template],
        "copyreg": sorted(map(repr, copyreg.dispatch_table)),
        "prometheus": sorted(metric.name for metric in prometheus_client.REGISTRY.collect()),
        "sqlglot": sorted(Dialect.classes),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }


before = json.loads(json.dumps(look()))
import open_analytic

for module in pkgutil.walk_packages(open_analytic.__path__, "open_analytic."):
    importlib.import_module(module.name)
imported = json.loads(json.dumps(look()))
with open_analytic.connect() as db:
    db.pipeline_create("mean_colour", definition=json.loads(Path("cards/pipeline.json").read_text()))
    red = Path("pictures/red.png").read_bytes()
    assert db.pipeline_run("mean_colour", red)
    photos = db.create_collection("photos", pipeline="mean_colour")
    photos.import_files("pictures")
    photos.create_index()
    assert photos.search(red, k=1)[0].name == "red.png"
used = json.loads(json.dumps(look()))
print(json.dumps([before, imported, used]))
"""


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The process before, after every module was imported, and after an embedded database was used."""
    folder = tmp_path_factory.mktemp("program")
    (tiny.write(folder / "cards") / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    (folder / "pictures").mkdir()
    for name in ("red", "green", "blue"):
        Image.new("RGB", (40, 30), name).save(folder / "pictures" / f"{name}.png")
    plain = {name: os.environ[name] for name in PLAIN if name in os.environ}
    ours = {"OPEN_ANALYTIC_CARDS": str(folder / "cards"), "OPEN_ANALYTIC_MODELS_DIR": str(folder / "models")}
    command = [sys.executable, "-c", PROGRAM]
    environment = plain | ours | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    looks: list[dict[str, Any]] = json.loads(done.stdout)
    return looks


# The environment makes ONNX Runtime send no telemetry: documented in docs/privacy.md. Starlette gets a
# convertor under a name of our own, by its function for that.
EXPECTED = {
    "environment": {"ORT_DISABLE_TELEMETRY": "1"},
    "starlette.convertors": {"open_analytic_name": "<class 'open_analytic.service.http_io._Name'>"},
}


@pytest.mark.parametrize("when", [1, 2], ids=["imported", "used"])
def test_the_process_stays_as_it_was(looks: list[dict[str, Any]], when: int) -> None:
    before, after = looks[0], looks[when]
    for name, values in EXPECTED.items():
        before[name] |= values
    assert {name: after[name] for name in after if after[name] != before[name]} == {}
