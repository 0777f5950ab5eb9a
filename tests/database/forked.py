"""A program that opens a database, works in threads, forks, and tells what each of the two meets."""

import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError

RED = np.array([1, 0, 0], np.float32)


def main(dsn: str, cards: str, models: str, way: str) -> None:
    settings = Settings.read({}, cards=(Path(cards),), models_dir=Path(models), audit_percent=100)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests import tiny
    from tests.database.test_app import picture

    image = picture(255, 0, 0)
    db = open_analytic.connect(dsn, settings=settings)
    db.pipeline_create("mean_colour", tiny.PIPELINE)
    album = db.create_collection("album", pipeline="mean_colour")
    album.import_vectors([("red", RED, None)])
    threads = [threading.Thread(target=album.search, args=(image,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = backends(db)

    def in_child() -> None:
        child(db, album, image, settings)

    if way != "multiprocessing":
        pid = os.fork()
        if pid == 0:
            in_child()
            if way == "sys.exit":
                sys.exit(0)
            os._exit(0)
        os.waitpid(pid, 0)
    else:
        process = multiprocessing.get_context("fork").Process(target=in_child)
        process.start()
        process.join()
    hits = [hit.name for hit in album.search(image)]
    print(json.dumps({"hits": hits, "same_session": backend(db) in before}), flush=True)
    db.close()


def child(db: OpenAnalytic, album: Collection, image: bytes, settings: Settings) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "pipelines": db.pipelines,
        "run": lambda: db.pipeline_run("mean_colour", image),
        "run_many": lambda: list(db.pipeline_run_many("mean_colour", [image])),
        "engine": lambda: db.engine.run(None, [image]),  # type: ignore[arg-type]
        "search": lambda: album.search(image),
        "vector": lambda: album.search(RED),
        "import": lambda: album.import_vectors([("blue", RED, None)]),
        "add": lambda: album.add("blue", image),
        "index": album.index,
        "drop": lambda: db.drop_collection("album"),
    }
    errors_by_call = {name: _error(call) for name, call in calls.items()}
    db.close()
    db.close()
    with open_analytic.connect(db.dsn, settings=settings) as own:
        hits = [hit.name for hit in own.collection("album").search(image)]
    print(json.dumps({"calls": errors_by_call, "own": hits}), flush=True)


def _error(call: Callable[[], Any]) -> tuple[str, str]:
    try:
        call()
    except OpenAnalyticError as error:
        return type(error).__name__, str(error)
    return "nothing", ""


def backends(db: OpenAnalytic) -> set[int]:
    """All sessions of this database: searches are done again in the background, each in any of them."""
    with db._database.reading() as connection:
        statement = "SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()"
        return {pid for (pid,) in connection.execute(statement)}


def backend(db: OpenAnalytic) -> int:
    with db._database.transaction() as connection:
        return connection.info.backend_pid


if __name__ == "__main__":
    main(*sys.argv[1:])
