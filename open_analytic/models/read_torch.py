"""Weights out of PyTorch's legacy files (``.pth``, before 1.6) without PyTorch, and without running what they say.

Such a file is five pickles (magic, protocol, system, the object, the keys of its storages), then each storage as a
count and its values. Only what a table of tensors needs is unpickled; a file that asks for more is refused.
"""

import math
import pickle
import pickletools
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt, UnsafeModel

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MAX_VALUES = 500_000_000  # of one storage
MAX_SHARED = 2  # bytes of tensors for each of the file: several can be views of one storage
MAX_LINE_BYTES = 1000  # of a name in a pickle
# What the unpickler raises on bytes that were damaged or made up: MemoryError on a size that is not there.
DAMAGE = (
    EOFError, struct.error, pickle.UnpicklingError, ValueError, TypeError, AttributeError, LookupError,
    OverflowError, MemoryError, RecursionError,
)  # fmt: skip
DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(slots=True)
class _Storage:
    dtype: np.dtype[Any]
    size: int
    values: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor before its storage was read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.storage.dtype.itemsize

    def checked(self) -> NDArray[Any]:
        """The values of the storage, once the view was seen to lie within them."""
        values = self.storage.values
        if values is None:
            raise ValueError("a tensor's storage is missing")
        if len(self.shape) != len(self.strides):
            raise ValueError("a tensor's strides are not those of its shape")
        last = self.offset + sum(step * (side - 1) for step, side in zip(self.strides, self.shape, strict=True))
        count = math.prod(self.shape)
        if (
            min(self.offset, *self.strides, *self.shape, 0) < 0
            or count > values.size
            or (count and last >= values.size)
        ):
            raise ValueError("a tensor reaches beyond its storage")
        return values

    def array(self) -> NDArray[Any]:
        values = self.checked()
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


def read_torch(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of the file by their names."""
    try:
        with path.open("rb") as file:
            return _read(_Bounded(file))
    except DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ModelCorrupt(f"{path} is not a whole PyTorch file: {reason}", hint="Fetch it again.") from error


class _Bounded:
    """A file that refuses to be read beyond its end: a size it announces costs no memory before it is believed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes = file.seek(0, SEEK_END)
        self.tell, self.seek = file.tell, file.seek
        file.seek(0)

    def read(self, count: int) -> bytes:
        if count > self.bytes - self._file.tell():
            raise EOFError("it ends too early")
        return self._file.read(count)

    def readline(self) -> bytes:
        line = self._file.readline(MAX_LINE_BYTES)
        if b"\\" in line:  # Python warns about an unknown escape sequence; the names of tensors and classes have none
            raise ValueError("a name in it has a backslash")
        return line


def _read(file: _Bounded) -> dict[str, NDArray[Any]]:
    reader = _Reader(file)
    if (reader.load(), reader.load()) != (MAGIC, PROTOCOL):
        raise ValueError("it does not begin like one")
    reader.load()  # the sizes of integers on the machine that wrote it
    table = reader.load()
    for key in reader.load():
        storage = reader.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.size:
            raise ValueError(f"a storage has {count} values where {storage.size} were announced")
        storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    if not isinstance(table, Mapping):
        raise TypeError("it holds no table of tensors")
    views = {str(name): view for name, view in table.items() if isinstance(view, _View)}
    for view in views.values():
        view.checked()
    if sum(view.bytes for view in views.values()) > MAX_SHARED * file.bytes:
        raise ValueError("its tensors are larger than the file, many in one storage")
    return {name: view.array() for name, view in views.items()}


def _check(file: _Bounded) -> None:
    """Go through the opcodes of the next pickle, and back: what would take memory or time out of all proportion."""
    start, tuples, before = file.tell(), set(), ""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):  # type: ignore[arg-type]
        if opcode.name.endswith("PUT"):
            if argument is None or argument > count:  # the unpickler makes room for every number up to this one
                raise ValueError("it numbers its values wrongly")
            tuples.discard(argument)
            if before.startswith("TUPLE"):
                tuples.add(argument)
        # A tuple in a tuple, twice each time, is as deep as it is long, and hashed in exponential time.
        if opcode.name == "DUP" or (opcode.name.endswith("GET") and argument in tuples):
            raise ValueError("it uses a tuple twice")
        before = opcode.name
    file.seek(start)


class _Reader:
    """Unpickles with nothing but a table of tensors allowed."""

    def __init__(self, file: _Bounded) -> None:
        self.file = file
        self.storages: dict[str, _Storage] = {}

    def load(self) -> Any:
        _check(self.file)
        return _Unpickler(self.file, self.storages).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: _Bounded, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], Callable[..., Any] | str] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch", "FloatStorage"): "FloatStorage",
            ("torch", "LongStorage"): "LongStorage",
        }
        if (module, name) not in allowed:
            raise UnsafeModel(
                f"The file asks for {module}.{name}, which weights have no need of.", hint="Do not use it."
            )
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, size, view = pid
        if kind != "storage" or dtype not in DTYPES or view is not None or not 0 <= size <= MAX_VALUES:
            raise ValueError("it has a storage that is not understood")
        return self._storages.setdefault(key, _Storage(DTYPES[dtype], size))


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _View:
    if not isinstance(storage, _Storage):
        raise TypeError("it has a tensor without storage")
    return _View(storage, offset, tuple(shape), tuple(strides))
