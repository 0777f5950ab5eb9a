"""The library of tokenizers reads the card's file and nothing else: no network, no cache, no settings of its own."""

import os
import sys
from pathlib import Path

import numpy as np

from tests import tracing
from tests.models.runtime import graphs
from tests.process.runner import PLAIN, REPOSITORY

PROGRAM = (
    "import sys; from pathlib import Path; from tests.models.runtime import graphs\n"
    "rows = graphs.opened(Path(sys.argv[1])).model('words')(['a red house'])['features'].tolist()\n"
    "print(rows, [name for name in ('huggingface_hub', 'hf_xet', 'requests', 'torch') if name in sys.modules])\n"
)


def test_a_text_is_tokenized_without_a_network_or_a_cache(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    graphs.tokens(tmp_path / "cards")
    plain = {name: os.environ[name] for name in PLAIN if name in os.environ}
    plain |= {"HOME": str(home), "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    elsewhere = {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "t",
                 "TOKENIZERS_PARALLELISM": "true"}  # fmt: skip
    traces = [
        tracing.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "cards")],
            log=tmp_path / f"trace-{number}", cwd=tmp_path, environment=plain | more,
        )
        for number, more in enumerate(({}, elsewhere))
    ]  # fmt: skip
    assert [(trace.code, trace.err) for trace in traces] == [(0, "")] * 2
    # 2, 4, 5, 7 and 3: their mean, and that of their squares.
    assert {trace.out for trace in traces} == {f"{np.array([[4.2, 20.6]], np.float32).tolist()} []\n"}
    assert [trace.addresses for trace in traces] == [frozenset()] * 2
    models = tmp_path / "cards" / "models"
    assert {path for trace in traces for path in trace.files if path.is_relative_to(tmp_path)} <= {models}
    assert list(home.iterdir()) == []
