from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt
from open_analytic.models.read_dlib import tensors

# dlib: how many bytes the integer takes, then these, the lowest first. Version 2; 300 is 0x012c.
HEADER_300 = bytes([1, 2, 2, 0x2C, 1, 1, 1, 1, 1, 1, 1])
HEADER_2X3 = bytes([1, 2, 1, 2, 1, 3, 1, 1, 1, 1])
EMPTY = bytes([1, 2, 1, 0, 1, 0, 1, 0, 1, 0])


def values(count: int, start: int) -> NDArray[np.float32]:
    return np.arange(start, start + count, dtype=np.float32)


def test_tensors_come_in_order_with_other_things_between_them(tmp_path: Path) -> None:
    path = tmp_path / "net.dat"
    path.write_bytes(
        b"\x05con_4" + HEADER_300 + values(300, 0).tobytes() + EMPTY + b"\x07affine_" + HEADER_2X3
        + values(6, 1000).tobytes() + EMPTY
    )  # fmt: skip
    first, second = tensors(path, [(300, 1, 1, 1), (2, 3, 1, 1)])
    np.testing.assert_array_equal(first, values(300, 0))
    np.testing.assert_array_equal(second, values(6, 1000))


@pytest.mark.parametrize(
    "data",
    [b"", HEADER_300, HEADER_300 + values(299, 0).tobytes(), HEADER_2X3 + values(6, 0).tobytes()],
    ids=["empty", "no values", "truncated", "another shape"],
)
def test_a_file_without_the_tensor_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.dat").write_bytes(data)
    with pytest.raises(ModelCorrupt, match=r"net\.dat is not the dlib network .* tensor 1 of 1, \(300, 1, 1, 1\)"):
        list(tensors(tmp_path / "net.dat", [(300, 1, 1, 1)]))
