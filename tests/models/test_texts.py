"""The shipped pipeline of texts on its real weights: golden numbers, and sentences of one meaning in two languages."""

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.config import Settings
from open_analytic.errors import BadText, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import run
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.cache import ModelCache

pytestmark = pytest.mark.models

PAIRS = [
    ("A dog runs along the beach.", "一只狗在海滩上奔跑。"),
    ("The train to Berlin leaves at nine.", "去柏林的火车九点出发。"),
    ("She wears a red dress.", "她穿着一条红色的连衣裙。"),
    ("How do I reset my password?", "怎样重置我的密码？"),
    ("It will rain tomorrow.", "明天会下雨。"),
    ("The soup is too salty.", "这汤太咸了。"),
    ("He plays the piano every evening.", "他每天晚上弹钢琴。"),
    ("The factory makes steel pipes.", "这家工厂生产钢管。"),
]


@pytest.fixture(scope="module")
def pipeline(library: Library) -> Plan:
    return plan(preset("text_feature_extractor"), library.cards)


@pytest.fixture(scope="module")
def cache(library: Library, settings: Settings) -> ModelCache:
    return ModelCache(library, settings)


def vectors(pipeline: Plan, cache: ModelCache, *texts: str) -> NDArray[np.float32]:
    results = run(pipeline, [text.encode() for text in texts], cache.model, Limits())
    rows = []
    for result in results:
        assert not isinstance(result, OpenAnalyticError), result
        (feature,) = result.features
        rows.append(feature.vector)
    return np.stack(rows)


def test_the_network_gives_the_numbers_of_its_card(pipeline: Plan, cache: ModelCache, library: Library) -> None:
    golden = library.card("use_multilingual").golden
    assert golden
    assert golden.text
    (vector,) = vectors(pipeline, cache, golden.text)
    np.testing.assert_allclose(vector[:8], golden.first, atol=golden.tolerance)
    assert np.linalg.norm(vector) == pytest.approx(golden.l2, abs=1e-4)
    assert vector.shape == (512,)


def test_a_sentence_finds_its_translation_and_no_other(pipeline: Plan, cache: ModelCache) -> None:
    english = vectors(pipeline, cache, *(pair[0] for pair in PAIRS))
    chinese = vectors(pipeline, cache, *(pair[1] for pair in PAIRS))
    cosines = english @ chinese.T
    assert list(cosines.argmax(axis=0)) == list(cosines.argmax(axis=1)) == list(range(len(PAIRS)))
    assert cosines.diagonal().min() > cosines[~np.eye(len(PAIRS), dtype=bool)].max()


def test_a_text_gives_the_same_vector_alone_and_beside_others(pipeline: Plan, cache: ModelCache) -> None:
    together = vectors(pipeline, cache, "red dress", "A much longer sentence about the weather in Iceland.", "狗")
    np.testing.assert_array_equal(together[0], vectors(pipeline, cache, "red dress")[0])
    np.testing.assert_array_equal(together[2], vectors(pipeline, cache, "狗")[0])


def test_a_text_over_the_limit_is_refused_and_the_others_are_read(pipeline: Plan, cache: ModelCache) -> None:
    texts = ["short", "a" * 10_001, "\x01\x02", "word " * 2_000]
    results = run(pipeline, [text.encode() for text in texts], cache.model, Limits())
    assert isinstance(results[1], BadText)
    assert results[1].message == "The text has 10,001 characters; model 'use_multilingual' takes 10,000."
    assert not any(isinstance(each, OpenAnalyticError) for each in (results[0], *results[2:]))
