"""Settings, read once from OPEN_ANALYTIC_* and the command line, then passed down as one frozen value."""

import os
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import platformdirs

from open_analytic.errors import BadParameter
from open_analytic.util import resources

PREFIX = "OPEN_ANALYTIC_"


def _models_dir() -> Path:
    top = resources.checkout()
    return top / "onnx_models" if top else platformdirs.user_cache_path("open_analytic") / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. ``OPEN_ANALYTIC_MAX_BYTES=1000`` in the environment sets ``max_bytes``."""

    dsn: str | None = None  # of an existing PostgreSQL; None means the embedded server in ``home``
    home: Path = Path(".open_analytic")  # folder of the embedded server
    pg_bin: Path | None = None  # folder of other PostgreSQL binaries for the embedded server
    models_dir: Path = field(default_factory=_models_dir)  # where models are kept once pulled
    cards: tuple[Path, ...] = ()  # more folders with cards of your own, separated by ':'
    providers: tuple[str, ...] = ("cpu",)  # of ONNX Runtime, the preferred one first: cpu, cuda, openvino, coreml
    threads: int = 0  # threads of one model run; 0 means one a core
    decode_threads: int = 0  # threads that decode pictures; 0 means one a core
    batch_size: int = 0  # pictures the models are given at once; 0 means two a core
    model_run_s: int = 300  # one run of a model is stopped after so long; 0 means never
    max_bytes: int = 50_000_000  # of one picture's file
    max_pixels: int = 80_000_000  # of one picture, width times height
    decode_bytes: int = 0  # of all pictures while they are decoded; 0 means a quarter of the memory
    connections: int = 8  # the most to the database at a time
    filter_path: str | None = (
        None  # schemas, after PostgreSQL's own, whose operators and functions a filter can use bare
    )
    audit_percent: int = 1  # of searches are done again exactly in the background, to know their recall; 0: none
    service: str | None = None  # addresses (a,b) of what runs the models: unix:/path, http(s)://host:port
    service_token: str | None = None  # what the service asks for over TCP
    service_start: int = 1  # 1: the embedded database comes with a service, for SQL; 0: it does not
    service_max_batch: int = 0  # pictures of several callers a model is given at once; 0 means one a core
    service_max_wait_ms: int = 2  # how long a picture waits for others when some are on their way
    service_url_queries: int = 0  # 1: the site fetches pictures people name by URL, from public addresses only
    service_queue: int = 256  # calls under way at most; more are refused
    service_queue_bytes: int = 1_000_000_000  # of all pictures under way
    service_threads: int = 0  # calls that are decoded and computed at once; 0 means 16 a core
    service_connections: int = 500  # over TCP, of each door
    service_idle_unload_s: int = 900  # a model without a call for so long is unloaded; 0 means never
    service_drain_s: int = 30  # how long a stopping service waits for calls under way

    def __post_init__(self) -> None:
        if self.dsn is not None:
            object.__setattr__(self, "dsn", written(self.dsn) or None)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Settings from the environment; keyword arguments that are not None win over it."""
        values = {}
        hints = typing.get_type_hints(cls)
        for entry in fields(cls):
            text = (os.environ if environ is None else environ).get(PREFIX + entry.name.upper())
            if text:
                values[entry.name] = _parse(entry.name, text, hints[entry.name])
        return cls(**values | {name: value for name, value in overrides.items() if value is not None})

    def environ(self) -> dict[str, str]:
        """What makes ``read`` give these settings in a process that runs in another folder."""
        texts = {entry.name: _text(getattr(self, entry.name)) for entry in fields(self)}
        return {PREFIX + name.upper(): text for name, text in texts.items() if text}


def written(dsn: str) -> str:
    """A DSN as libpq reads it: SQLAlchemy's form names a driver, and what is copied can have spaces around it."""
    return re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", dsn.strip())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ("," if all(isinstance(each, str) for each in value) else os.pathsep).join(map(_text, value))
    if isinstance(value, Path):
        return str(value.expanduser().absolute())
    return "" if value is None else str(value)


def _parse(name: str, text: str, hint: Any) -> Any:
    if typing.get_origin(hint) is types.UnionType:
        hint = next(choice for choice in typing.get_args(hint) if choice is not type(None))
    if hint is int:
        return _whole_number(name, text)
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[0] is str:
        return tuple(item.strip() for item in text.split(",") if item.strip())
    if typing.get_origin(hint) is tuple:
        return tuple(Path(path).expanduser() for path in text.split(os.pathsep) if path)
    return Path(text).expanduser() if hint is Path else text


def _whole_number(name: str, text: str) -> int:
    try:
        number = int(text.replace("_", ""))
    except ValueError as error:
        raise BadParameter(
            f"{PREFIX}{name.upper()} is {text!r}, not a whole number.", hint="Set it to digits, or unset it."
        ) from error
    if number < 0:
        raise BadParameter(f"{PREFIX}{name.upper()} is {number}; it cannot be negative.", hint="Unset it.")
    return number
