"""Files in PyTorch's legacy format, written without PyTorch: its pickles name functions that are not installed."""

import pickle
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
EMPTY = b"ccollections\nOrderedDict\n)R"
STORAGES = {np.dtype("f4"): "FloatStorage", np.dtype("i8"): "LongStorage"}


def plain(value: Any) -> bytes:
    """The opcodes that leave the value on the unpickler's stack."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(key: str, storage: str, size: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """The opcodes of a tensor in the storage of this key."""
    where = plain("storage") + f"ctorch\n{storage}\n".encode() + plain(key) + plain("cpu") + plain(size) + b"N"
    view = plain(offset) + plain(shape) + plain(strides) + plain(False) + EMPTY
    return b"ctorch._utils\n_rebuild_tensor_v2\n((" + where + b"tQ" + view + b"tR"


def table(entries: Mapping[str, bytes]) -> bytes:
    """The pickle of an OrderedDict of name to opcodes."""
    return b"\x80\x02" + EMPTY + b"(" + b"".join(plain(name) + value for name, value in entries.items()) + b"u."


def file(pickled: bytes, storages: Mapping[str, NDArray[Any]]) -> bytes:
    """The whole file: its pickles, then the values of its storages."""
    head = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, SYSTEM))
    values = b"".join(struct.pack("<q", each.size) + each.tobytes() for each in storages.values())
    return head + pickled + pickle.dumps(list(storages), 2) + values


def saved(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """What ``torch.save`` wrote of a state dict before PyTorch 1.6."""
    entries, storages = {}, {}
    for number, (name, values) in enumerate(tensors.items()):
        strides = tuple(step // values.itemsize for step in values.strides)
        entries[name] = tensor(str(number), STORAGES[values.dtype], values.size, 0, values.shape, strides)
        storages[str(number)] = values
    return file(table(entries), storages)
