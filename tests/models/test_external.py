import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from open_analytic.errors import ModelCorrupt, UnsafeModel
from open_analytic.models import external
from tests.process.models.conftest import network


def tensor(location: str) -> TensorProto:
    proto = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    proto.external_data.add(key="location", value=location)
    return proto


def constant(location: str) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], value=tensor(location))


def as_weight(model: ModelProto, location: str) -> None:
    model.graph.initializer.append(tensor(location))


def as_attribute(model: ModelProto, location: str) -> None:
    model.graph.node.append(constant(location))


def in_an_inner_graph(model: ModelProto, location: str) -> None:
    inner = helper.make_graph([constant(location)], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))


def in_a_function(model: ModelProto, location: str) -> None:
    model.functions.append(helper.make_function("own", "f", [], ["c"], [constant(location)], []))


def in_a_sparse_weight(model: ModelProto, location: str) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(tensor(location))


@pytest.mark.parametrize("put", [as_weight, as_attribute, in_an_inner_graph, in_a_function, in_a_sparse_weight])
def test_data_outside_of_the_folder_is_refused_wherever_it_stands(
    tmp_path: Path, put: Callable[[ModelProto, str], None]
) -> None:
    model = onnx.load_model_from_string(network(tmp_path / "made"))
    put(model, "../outside.bin")
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsafeModel, match=r"'\.\./outside\.bin', outside of its folder"):
        external.refuse_outside(path)


@pytest.mark.parametrize(
    ("location", "safe"),
    [("net.bin", True), ("below/net.bin", True), ("/etc/passwd", False), ("below/../../x", False), ("link", False),
     ("hard link", False), ("pipe", False), ("below", False)],
)  # fmt: skip
def test_only_what_lies_in_the_folder_is_inside(tmp_path: Path, location: str, safe: bool) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "hard link").hardlink_to(tmp_path / "secret")
    (folder / "net.bin").write_bytes(b"data")
    (folder / "below").mkdir()
    (folder / "below" / "net.bin").symlink_to("../net.bin")
    os.mkfifo(folder / "pipe")
    model = onnx.load_model_from_string(network(tmp_path / "made"))
    as_weight(model, location)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    if safe:
        external.refuse_outside(folder / "net.onnx")
    else:
        with pytest.raises(UnsafeModel):
            external.refuse_outside(folder / "net.onnx")


@pytest.mark.parametrize("data", [b"", b"\x00\xff no network"], ids=["empty", "noise"])
def test_what_is_no_network_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(ModelCorrupt, match="is not an ONNX model"):
        external.refuse_outside(tmp_path / "net.onnx")
