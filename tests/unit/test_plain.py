"""Values made of what JSON has."""

import json
import math

import numpy as np
import pytest

from open_analytic.plain import plain


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
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected
