"""Legacy PyTorch files: what is read, and what is refused without being run."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt, UnsafeModel
from open_analytic.models.read_torch import read_torch
from tests import torch_file

WEIGHTS: dict[str, NDArray[Any]] = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "norm.count": np.array(7, np.int64),
    "norm.none": np.zeros((0, 3), np.float32),
}
SIX = np.arange(6, dtype=np.float32)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "net.pth"
    path.write_bytes(data)
    return path


def one_tensor(
    size: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], values: NDArray[np.float32] = SIX
) -> bytes:
    entry = torch_file.tensor("0", "FloatStorage", size, offset, shape, strides)
    return torch_file.file(torch_file.table({"x": entry}), {"0": values})


def test_tensors_come_back_as_they_were_saved(tmp_path: Path) -> None:
    tensors = read_torch(written(tmp_path, torch_file.saved(WEIGHTS)))
    assert list(tensors) == list(WEIGHTS)
    for name, values in WEIGHTS.items():
        np.testing.assert_array_equal(tensors[name], values)
        assert tensors[name].dtype == values.dtype


def test_a_tensor_is_a_view_of_its_storage(tmp_path: Path) -> None:
    # Offset 1, a column of three steps of one, rows two apart: 1 2 3 / 3 4 5.
    tensors = read_torch(written(tmp_path, one_tensor(6, 1, (2, 3), (2, 1))))
    np.testing.assert_array_equal(tensors["x"], [[1, 2, 3], [3, 4, 5]])


def test_tensors_may_share_a_storage(tmp_path: Path) -> None:
    entries = {
        "all": torch_file.tensor("0", "FloatStorage", 6, 0, (6,), (1,)),
        "turned": torch_file.tensor("0", "FloatStorage", 6, 0, (3, 2), (1, 3)),
    }
    tensors = read_torch(written(tmp_path, torch_file.file(torch_file.table(entries), {"0": SIX})))
    np.testing.assert_array_equal(tensors["all"], SIX)
    np.testing.assert_array_equal(tensors["turned"], SIX.reshape(2, 3).T)


@pytest.mark.parametrize(
    ("opcodes", "name"),
    [
        (b"cos\nsystem\n(Vtouch pwned\ntR", "os.system"),
        (b"cbuiltins\neval\n(V1\ntR", "builtins.eval"),
        (b"ccollections\ndefaultdict\n)R", "collections.defaultdict"),
        (b"ctorch\nload\n", "torch.load"),
        (b"ctorch._utils\n_rebuild_parameter\n", "torch._utils._rebuild_parameter"),
    ],
    ids=["system", "eval", "near OrderedDict", "near FloatStorage", "near _rebuild_tensor_v2"],
)
def test_a_file_that_asks_for_anything_else_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opcodes: bytes, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, torch_file.file(torch_file.table({"x": opcodes}), {}))
    with pytest.raises(UnsafeModel, match=rf"The file asks for {name},"):
        read_torch(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.pth"]


ALONE = torch_file.tensor("0", "FloatStorage", 6, 0, (6,), (1,))
WHOLE = torch_file.saved(WEIGHTS)


@pytest.mark.parametrize("end", [0, 1, 20, 200, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_truncated_file_is_corrupt(tmp_path: Path, end: int) -> None:
    with pytest.raises(ModelCorrupt, match=r"net\.pth is not a whole PyTorch file: "):
        read_torch(written(tmp_path, WHOLE[:end]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04" + WHOLE, "is not a whole PyTorch file"),
        (pickle.dumps(1) + WHOLE, "does not begin like one"),
        (torch_file.file(pickle.dumps([1, 2], 2), {}), "no table of tensors"),
        (one_tensor(6, 0, (7,), (1,)), "beyond its storage"),
        (one_tensor(6, 3, (2, 2), (2, 1)), "beyond its storage"),
        (one_tensor(6, 4, (3,), (-1,)), "beyond its storage"),
        (one_tensor(6, -1, (3,), (1,)), "beyond its storage"),
        (one_tensor(0, 0, (5,), (1,), SIX[:0]), "beyond its storage"),
        (one_tensor(6, 0, (10**12,), (0,)), "beyond its storage"),
        (one_tensor(6, 0, (2, 3), (1,)), "strides are not those"),
        (one_tensor(5, 0, (5,), (1,)), "6 values where 5 were announced"),
        (one_tensor(10**12, 0, (5,), (1,)), "storage that is not understood"),
        (torch_file.file(torch_file.table({"x": ALONE}), {}), "storage is missing"),
    ],
    ids=[
        "zip", "no magic", "a list", "too long", "too far", "backwards", "before", "of nothing", "of endless size",
        "strides for another shape", "another count", "too large", "no values",
    ],
)  # fmt: skip
def test_a_file_that_does_not_hold_together_is_corrupt(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ModelCorrupt, match=reason):
        read_torch(written(tmp_path, data))


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_a_damaged_byte_is_a_typed_error_or_another_table(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    path = written(tmp_path_factory.getbasetemp(), WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    try:
        tensors = read_torch(path)
    except (ModelCorrupt, UnsafeModel):
        return
    assert all(isinstance(values, np.ndarray) for values in tensors.values())


def bomb(opcodes: bytes) -> bytes:
    """A file whose table's value is what the opcodes leave on the stack."""
    return torch_file.file(torch_file.table({"x": opcodes}), {})


def views(count: int, size: int) -> bytes:
    """Many tensors of one storage, each as large as that."""
    entry = torch_file.tensor("0", "FloatStorage", size, 0, (size,), (1,))
    return torch_file.file(torch_file.table({str(n): entry for n in range(count)}), {"0": np.zeros(size, np.float32)})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(bomb(b"S'\\o'\n"), "a name in it has a backslash", id="unknown escape sequence"),
        pytest.param(bomb(b"Nr\xff\xff\xff\x0f"), "it numbers its values wrongly", id="LONG_BINPUT 2^28"),
        pytest.param(bomb(b"Np268435455\n"), "it numbers its values wrongly", id="PUT 2^28"),
        pytest.param(bomb(b"\x8e" + (2**34).to_bytes(8, "little")), "it ends too early", id="BINBYTES8 of 16 GB"),
        pytest.param(bomb(b"\x8b\xff\xff\xff\x7f"), "it ends too early", id="LONG4 of 2 GB"),
        pytest.param(bomb(b"\x95" + (2**34).to_bytes(8, "little")), "it ends too early", id="FRAME of 16 GB"),
        pytest.param(one_tensor(6, 0, (10_000, 50_000), (0, 0)), "a tensor reaches beyond its storage", id="strides 0"),
        pytest.param(one_tensor(6, 0, (7,), (0,)), "a tensor reaches beyond its storage", id="one value too many"),
        pytest.param(views(2000, 500_000), "its tensors are larger than the file, many in one storage", id="views"),
        pytest.param(bomb(b"}(" + b")" + b"2\x86" * 60 + b"Nu"), "it uses a tuple twice", id="tuples doubled by DUP"),
        pytest.param(
            bomb(b"}()" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(60)) + b"Nu"), "it uses a tuple twice",
            id="tuples doubled by BINGET",
        ),
    ],
)  # fmt: skip
def test_a_small_file_takes_little_memory_and_time(tmp_path: Path, data: bytes, reason: str) -> None:
    path = written(tmp_path, data)
    code = (
        "import sys, resource as r; from pathlib import Path; from open_analytic.models.read_torch import read_torch\n"
        "r.setrlimit(r.RLIMIT_CPU, (30, 30)); before = r.getrusage(r.RUSAGE_SELF).ru_maxrss\n"
        "try: read_torch(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "assert r.getrusage(r.RUSAGE_SELF).ru_maxrss - before < 100_000, 'kB'"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == f"ModelCorrupt {path} is not a whole PyTorch file: {reason} Fetch it again.\n"
