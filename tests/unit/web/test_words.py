"""Pages speak two languages: both say everything, and nothing is said that no page asks for."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from open_analytic.kinds import KINDS
from open_analytic.pipeline.spec import presets
from open_analytic.util.resources import folder
from open_analytic.web import language
from open_analytic.web.language import Text, Words

WEB = Path(language.__file__).parent
EN, ZH = (dict(language.words(tongue).table) for tongue in ("en", "zh"))
SOURCES = {
    file.name: file.read_text() for kind in ("templates/*.html", "static/*.js", "*.py") for file in WEB.glob(kind)
}
CALL = re.compile(r"""\bt\(\s*"([^"]+)"|\bt\([^()"]*\?\s*"([^"]+)"\s*:\s*"([^"]+)"|\("(?:/[a-z]+)", "([a-z_.]+)"\)""")


NOUN = re.compile(r"((?:item|part)\.\w+)\.(\w+)")
OF_A_NOUN = re.compile(r'\b(item|part|either)\([^()"]*"(\w+)"')


def forms(text: Text) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def placeholders(text: Text) -> set[str]:
    return {name for form in forms(text) for name in re.findall(r"\{(\w+)\}", form)}


def called() -> set[str]:
    """Keys that are asked for by their own name."""
    matches = (match for source in SOURCES.values() for match in CALL.finditer(source))
    return {key for match in matches for key in match.groups() if key}


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(EN) == list(ZH)


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_no_key_is_written_twice(tongue: str) -> None:
    pairs = json.loads((language.FOLDER / f"{tongue}.json").read_text("utf-8"), object_pairs_hook=list)
    assert len(pairs) == len({key for key, _ in pairs})


def test_placeholders_are_the_same() -> None:
    assert {key: placeholders(text) for key, text in EN.items()} == {
        key: placeholders(text) for key, text in ZH.items()
    }


def test_plural_forms_are_one_and_other_and_know_their_number() -> None:
    plural = {key: set(text) for key, text in {**EN, **ZH}.items() if not isinstance(text, str)}
    assert set(map(frozenset, plural.values())) <= {frozenset({"one", "other"})}
    assert [key for key in plural if "n" not in placeholders(EN[key])] == []


def of_nouns() -> dict[str, set[str]]:
    """What there are words for, by ``item.picture`` and other nouns."""
    table: dict[str, set[str]] = {}
    for key in EN:
        if match := NOUN.fullmatch(key):
            table.setdefault(match[1], set()).add(match[2])
    return table


def test_every_key_asked_for_exists() -> None:
    assert len(called()) > 150
    assert called() - set(EN) == set()


def test_every_key_is_asked_for() -> None:
    everything = "\n".join(SOURCES.values())
    named = {key: match[2] if (match := NOUN.fullmatch(key)) else key for key in EN}
    assert [key for key, name in named.items() if f'"{name}"' not in everything] == []


def test_what_is_asked_of_any_noun_has_words_for_those_that_are_not_known() -> None:
    needed: dict[str, set[str]] = {"item": set(), "part": set()}
    for source in SOURCES.values():
        for group, what in OF_A_NOUN.findall(source):
            needed["item" if group == "either" else group].add(what)
    of = of_nouns()
    assert (needed["item"] - of["item.item"], needed["part"] - of["part.region"]) == (set(), set())
    assert [noun for noun, known in of.items() if noun.startswith("item.") and known - of["item.item"]] == []


def test_the_nouns_of_kinds_have_words() -> None:
    nouns = {
        *(f"item.{kind.noun}" for kind in KINDS.values() if kind.decoder is not None),
        *(f"part.{kind.noun}" for kind in KINDS.values() if kind.region),
    }
    assert nouns - {"part.item"} | {"item.item", "part.region"} == set(of_nouns())  # an item is called a region then


def test_nothing_is_empty_and_chinese_is_chinese() -> None:
    assert [key for table in (EN, ZH) for key, text in table.items() if not all(map(str.strip, forms(text)))] == []
    same = {key for key in EN if EN[key] == ZH[key]}
    assert same == set()


def test_words_fill_their_placeholders() -> None:
    words = Words(language="en", table={"a": "{name} has {n}", "b": {"one": "One", "other": "{n} of {all}"}})
    assert words("a", name="<b>{n}</b>", n=3) == "<b>{n}</b> has 3"
    assert (words("b", n=1), words("b", n=2, all=4)) == ("One", "2 of 4")


# The service's texts


def sources() -> Iterator[str]:
    """Every text in the package and its SQL functions, with X for what is put into it."""
    for file in WEB.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value.strip()
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    for file in folder("migrations").rglob("functions/*.sql"):
        joined = re.sub(r"'\s*\n\s*'", "", file.read_text("utf-8"))  # SQL joins literals across lines
        yield from (each.replace("%s", "X") for each in re.findall(r"'([^'\n]*)'", joined))


def test_every_text_that_has_other_words_is_a_text_of_the_service() -> None:
    texts = json.loads((language.FOLDER / "texts.json").read_text("utf-8"))
    known = {*sources(), *(preset.description for preset in presets().values())}
    unknown = [text for text in texts if not any(map(language.pattern(text).fullmatch, known))]
    assert unknown == []


def test_a_text_in_other_words_has_chinese_ones_and_no_other_placeholders() -> None:
    texts = json.loads((language.FOLDER / "texts.json").read_text("utf-8"))
    assert {key for key, ours in texts.items() if not {"zh"} <= set(ours) <= {"en", "zh"}} == set()
    extra = {key: {*map(frozenset, map(placeholders, ours.values()))} for key, ours in texts.items()}
    assert [key for key, names in extra.items() if not all(some <= placeholders(key) for some in names)] == []
    assert [key for key, ours in texts.items() if not re.search("[\u4e00-\u9fff]", ours["zh"])] == []


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("No face was found in the picture.", "图片中没有找到人脸。"),
        (
            "The picture has 60,000,000 bytes; at most 50,000,000 are read.",
            "图片有 60,000,000 字节，上限为 50,000,000。",
        ),
        ("The GIF ends before its pixels do.", "GIF 图片不完整。"),
        ("There is no collection 'a.\nb'.", "没有名为 'a.\nb' 的集合。"),
        ("No face was found in the picture. More", "No face was found in the picture. More"),
        ("", ""),
    ],
)
def test_a_text_of_the_service_in_chinese(text: str, chinese: str) -> None:
    assert language.words("zh").text(text) == chinese


def test_texts_are_filled_from_what_they_match() -> None:
    words = Words(language="en", table={}, texts={"{name} is (not) {other}.": "Not {other}: {name}"})
    assert words.text("a {b} is (not) c.d.") == "Not c.d: a {b}"
