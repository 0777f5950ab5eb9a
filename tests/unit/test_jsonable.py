"""Values made of what JSON has."""

import json
import math

import numpy as np
import pytest

from open_analytic.util.jsonable import jsonable, numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        ([-math.inf, 1.5], ["-Infinity", 1.5]),
        (np.float32("nan"), "NaN"),
        (np.array([1, math.inf]), [1.0, "Infinity"]),
        ({"a": {1: (True, None, 10**30)}}, {"a": {"1": [True, None, 10**30]}}),
    ],
)
def test_numbers_that_json_does_not_have_are_texts_as_in_postgresql(value: object, expected: object) -> None:
    assert jsonable(value) == expected
    assert json.loads(json.dumps(jsonable(value), allow_nan=False)) == expected


def test_numbers_of_32_bits_are_short_and_read_back_as_they_were() -> None:
    array = np.random.default_rng(1).standard_normal((40, 32), np.float32)
    text = json.dumps(numbers(array))
    assert np.array_equal(np.array(json.loads(text), np.float32), array)
    assert len(text) < 0.6 * len(json.dumps(array.tolist()))
    assert numbers(array.T) == np.array(numbers(array)).T.tolist()
    assert numbers(np.array([0.1, 1e300])) == [0.1, 1e300]
    assert math.isnan(numbers(np.array([0.5, np.nan], np.float32))[1])
