"""Pipelines in SQL beside the same calls in Python, in one run: python -m tests.bench.sql FOLDER_OF_PHOTOS.

What a call adds (through dblink on the embedded server, through plpython3u where it can be had), how many pictures a
second 32 sessions get from one service, what a session costs in memory, and how soon a cancelled call ends.
"""

import grp
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image
from psycopg.types.json import set_json_loads

import open_analytic
from open_analytic import embedded
from open_analytic.embedded import account
from open_analytic.store import schema
from open_analytic.store.queries import query
from tests import plpython
from tests.bench import machine

PIPELINE = "general_feature_extractor"
RUN = f"SELECT open_analytic.pipeline_run('{PIPELINE}', %b::bytea)"
CALLS, TURN, WARM, SESSIONS, PICTURES, ROUNDS, HELD = 200, 20, 3, 32, 640, 3, 8
WANTED_BYTES = 200_000

Sql = psycopg.Connection[Any]
Servers = dict[str, embedded.Server]


def main(folder: Path) -> None:
    """Print every figure with the machine."""
    print(machine.describe())
    photos = [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
    with ExitStack() as stack:
        servers = stack.enter_context(both())
        stack.enter_context(serving(servers))
        print_call(servers, photos)
        print_throughput(servers, photos)
        print_memory(servers, photos[0])
        print_cancel(servers, photos[0])


@contextmanager
def both() -> Iterator[Servers]:
    """The embedded server, and one with plpython3u where it can be had."""
    with ExitStack() as stack:
        servers = {"dblink": stack.enter_context(embedded.start(home(stack)))}
        binaries = plpython.bin_folder()
        if binaries:
            server = stack.enter_context(embedded.start(home(stack), pg_bin=binaries))
            servers["plpython3u"] = server
        else:
            print("PLPYTHON3U MISSING: only the body with dblink is measured")
        for server in servers.values():
            schema.upgrade(server.dsn)
            code = stack.enter_context(plpython.code_folder(server.home))
            with psycopg.connect(server.dsn, autocommit=True) as sql:
                sql.execute("INSERT INTO open_analytic.settings VALUES ('python_path', %s)", [str(code)])
        yield servers


def home(stack: ExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o711)
    return folder / "home"


@contextmanager
def serving(servers: Servers) -> Iterator[None]:
    """One service for both servers, with the pipeline registered and its models loaded."""
    first = servers["dblink"]
    with open_analytic.connect(first.dsn) as db:
        db.pipeline_create(PIPELINE)
        db.engine.prepare(db.plan(PIPELINE))
    with tempfile.TemporaryDirectory(prefix="oa-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        group = grp.getgrgid(account.choose(first.home).gid).gr_name
        with psycopg.connect(first.dsn, autocommit=True) as sql:
            sql.execute(query("service_role"))
        dsn = psycopg.conninfo.make_conninfo(first.dsn, user="open_analytic_service")
        words = ["serve", "--dsn", dsn, "--folder", folder, "--group", group, "--preload", PIPELINE]
        service = subprocess.Popen([sys.executable, "-m", "open_analytic", *words], stdout=subprocess.PIPE, text=True)
        try:
            assert service.stdout
            assert "ready\n" in iter(service.stdout.readline, "")
            for server in servers.values():
                with psycopg.connect(server.dsn, autocommit=True) as sql:
                    values = [f"unix:{folder}/http.sock", f"host={folder} port=5433"]
                    sql.execute("INSERT INTO open_analytic.nodes (name, http, wire) VALUES ('bench', %s, %s)", values)
                    sql.execute("SELECT open_analytic.pipeline_create(%s)", [PIPELINE])
            yield
        finally:
            service.terminate()
            service.wait()


def print_call(servers: Servers, photos: list[bytes]) -> None:
    """Medians of the same photo, in turns of twenty calls: a local engine in Python, then each body."""
    photo = nearest(photos)
    with ExitStack() as stack:
        db = stack.enter_context(open_analytic.connect(servers["dblink"].dsn))
        sessions = {body: stack.enter_context(session(server)) for body, server in servers.items()}
        calls: dict[str, Callable[[], object]] = {"python": lambda: db.pipeline_run(PIPELINE, photo)}
        calls |= {body: lambda sql=sql: sql.execute(RUN, [photo]).fetchone() for body, sql in sessions.items()}  # type: ignore[misc]
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(CALLS // TURN):
            for name, call in calls.items():
                times[name] += [timed(call) for _ in range(TURN + WARM)][WARM:]  # caches are another's at first
    medians = {name: 1000 * statistics.median(samples) for name, samples in times.items()}
    print(f"\none call on a photo of {len(photo) / 1000:.0f} kB, median of {CALLS} in turns of {TURN}")
    print(f"  pipeline_run in Python   {medians['python']:6.2f} ms")
    for body, most in {"plpython3u": 2, "dblink": 4}.items():
        if body in medians:
            added = medians[body] - medians["python"]
            print(
                f"  in SQL, {body:<10}       {medians[body]:6.2f} ms: adds {added:5.2f} ms   (promised: at most {most})"
            )


def print_throughput(servers: Servers, photos: list[bytes]) -> None:
    """Pictures a second: one pipeline_run_many, then 32 sessions with a picture each, in turns."""
    many = list(itertools.islice(itertools.cycle(photos), PICTURES))
    rates: dict[str, list[float]] = {"python": [], **{body: [] for body in servers}}
    with open_analytic.connect(servers["dblink"].dsn) as db:
        for _ in range(ROUNDS):
            rates["python"].append(PICTURES / timed(lambda: list(db.pipeline_run_many(PIPELINE, many))))
            for body, server in servers.items():
                rates[body].append(PICTURES / at_once(server, many))
    print(f"\n{PICTURES} photos, median of {ROUNDS} rounds in turns")
    print(f"  pipeline_run_many in Python            {statistics.median(rates['python']):6.1f} photos/s")
    for body in servers:
        ratio = statistics.median(
            mine / yardstick for mine, yardstick in zip(rates[body], rates["python"], strict=True)
        )
        rate = statistics.median(rates[body])
        print(f"  {SESSIONS} sessions at once, {body:<10}      {rate:6.1f} photos/s: {ratio:.2f} (promised: 0.90)")


def at_once(server: embedded.Server, photos: list[bytes]) -> float:
    """Seconds until every photo has gone through one of the sessions."""
    with ExitStack() as stack, ThreadPoolExecutor(SESSIONS) as threads:
        sessions = [stack.enter_context(session(server)) for _ in range(SESSIONS)]
        list(threads.map(lambda sql: sql.execute(RUN, [photos[0]]).fetchone(), sessions))
        shares = [photos[number::SESSIONS] for number in range(SESSIONS)]
        return timed(lambda: list(threads.map(run_all, sessions, shares)))


def run_all(sql: Sql, photos: list[bytes]) -> None:
    for photo in photos:
        sql.execute(RUN, [photo]).fetchone()


def print_memory(servers: Servers, photo: bytes) -> None:
    """Proportional set size of backends that have run pipelines, beside those that only said SELECT 1."""
    print(f"\nmemory of a backend (Pss), mean of {HELD} sessions held open")
    for body, server in servers.items():
        sizes = {}
        for what, statement in {"SELECT 1": "SELECT %b::bytea IS NULL", "pipelines": RUN}.items():
            with ExitStack() as stack:
                sessions = [stack.enter_context(session(server)) for _ in range(HELD)]
                for sql in sessions * 5:
                    sql.execute(statement, [photo]).fetchone()
                sizes[what] = statistics.mean(pss_mb(server, sql.info.backend_pid) for sql in sessions)
        added = sizes["pipelines"] - sizes["SELECT 1"]
        print(
            f"  {body:<10} {sizes['pipelines']:6.1f} MB after five pictures, {sizes['SELECT 1']:.1f} MB without: "
            f"pipelines add {added:.1f} MB   (promised: at most 8)"
        )


def pss_mb(server: embedded.Server, pid: int) -> float:
    """Read as the server's account: a container's root may not look at other accounts' processes."""
    command = ["/bin/cat", f"/proc/{pid}/smaps_rollup"]
    owner = account.choose(server.home)
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", **owner.options).stdout
    return next(int(line.split()[1]) / 1024 for line in output.splitlines() if line.startswith("Pss:"))


def print_cancel(servers: Servers, photo: bytes) -> None:
    """How long after its time a statement_timeout of 300 ms ends a batch that takes many seconds."""
    print("\na batch of 200 photos under statement_timeout = 300 ms, ten times")
    for body, server in servers.items():
        late = []
        with session(server) as sql:
            sql.execute("SET statement_timeout = '300ms'")
            for _ in range(10):
                start = time.perf_counter()
                try:
                    statement = f"SELECT open_analytic.pipeline_run_batch('{PIPELINE}', %b::bytea[])"
                    sql.execute(statement, [[photo] * 200])
                except psycopg.errors.QueryCanceled:
                    late.append(time.perf_counter() - start - 0.3)
        print(
            f"  {body:<10} ended {1000 * statistics.median(late):4.0f} ms late, at worst {1000 * max(late):4.0f}"
            "   (promised: at most 200)"
        )


@contextmanager
def session(server: embedded.Server) -> Iterator[Sql]:
    """A session that takes jsonb as the text it is: reading JSON is the caller's own time."""
    with psycopg.connect(server.dsn, autocommit=True) as sql:
        set_json_loads(lambda text: text, sql)
        yield sql


def nearest(photos: list[bytes]) -> bytes:
    """The photo whose file is nearest to 200 kB; when all are much smaller, one is written anew at that size."""
    photo = min(photos, key=lambda data: abs(len(data) - WANTED_BYTES))
    if abs(len(photo) - WANTED_BYTES) < WANTED_BYTES / 4:
        return photo
    with tempfile.TemporaryFile() as file:
        Image.effect_noise((420, 420), 80).convert("RGB").save(file, "JPEG", quality=95)
        file.seek(0)
        return file.read()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(Path(sys.argv[1]))
