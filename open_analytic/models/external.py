"""Tensors of an ONNX file that are kept in other files: allowed beside it, never elsewhere."""

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from open_analytic.errors import ModelCorrupt, ModelUnavailable, UnsafeModel

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import TensorProto


def refuse_outside(path: Path) -> None:
    """Refuse (UnsafeModel) a file that asks for data outside of its own folder, by a path or a link of either kind."""
    folder = path.parent.resolve()
    for location in _locations(path, str(path)):
        data = (folder / location).resolve()
        if not data.is_relative_to(folder):
            raise UnsafeModel(
                f"The model {path} asks for data in {location!r}, outside of its folder.",
                hint="Put the data beside it, or keep it in the file itself.",
            )
        if data.exists() and not (data.is_file() and data.stat().st_nlink == 1):
            raise UnsafeModel(
                f"The model {path} asks for data in {location!r}, a hard link or no plain file.",
                hint="Put a copy of the data beside the model, not a hard link.",
            )


def refuse_others(path: Path, name: str, files: Collection[str] = ()) -> None:
    """Refuse a fetched file that asks for other files than those that its card names: they lie beside it."""
    for location in _locations(path, f"The file of {name!r}"):
        if location not in files:
            raise UnsafeModel(
                f"The model {name!r} asks for data in {location!r}.",
                hint="Name the file in [files] of its card; a fetched model has no other file beside it.",
            )


def whole(path: Path) -> IO[bytes]:
    """The model in one open file: tensors that are kept in other files are put into it."""
    if not any(True for _ in _locations(path, str(path))):
        return path.open("rb")
    import onnx
    from google.protobuf.message import EncodeError

    try:
        data = onnx.load(str(path)).SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise ModelUnavailable(
            f"The model {path} with its tensors is more than one file can hold: {error}",
            hint="Run the embedded database as an ordinary user, who reads the files where they are.",
        ) from error
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return file


def _locations(path: Path, what: str) -> Iterator[str]:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ModelCorrupt(
            f"{what} is not an ONNX model: {error}", hint="Correct its card, or fetch it again."
        ) from error
    if not model.graph.node:
        raise ModelCorrupt(f"{what} is not an ONNX model: it has no nodes.", hint="Correct its card's source.")
    for tensor in _tensors(model, onnx.TensorProto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _tensors(message: "Message", kind: "type[TensorProto]") -> "Iterator[TensorProto]":
    """Every tensor, wherever it stands: weights, attributes, sparse ones, inner graphs, functions."""
    from google.protobuf.message import Message

    if isinstance(message, kind):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                yield from _tensors(inner, kind)
