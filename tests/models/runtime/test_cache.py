"""Models in memory: loaded once whoever asks, one that is fetched slowly keeps no other waiting."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from open_analytic.config import Settings
from open_analytic.errors import ModelUnavailable
from open_analytic.models.library import Library
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import ProgressCallback
from tests import tiny


class SlowLibrary(Library):
    """The real one, but for the model ``slow``, whose file comes when it is let."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.requested, self.gate = threading.Event(), threading.Event()

    def path(self, name: str, progress: ProgressCallback | None = None) -> Path:
        if name == "slow":
            self.requested.set()
            assert self.gate.wait(30)
        return super().path(name, progress)


@pytest.fixture
def library(tmp_path: Path) -> SlowLibrary:
    cards = tiny.write(tmp_path / "cards")
    (cards / "slow.toml").write_text(tiny.CARD.replace('"mean_colour"', '"slow"'))
    return SlowLibrary(Settings.read({}, cards=(cards,), models_dir=tmp_path / "models", threads=1))


@pytest.fixture
def cache(library: SlowLibrary, tmp_path: Path) -> ModelCache:
    return ModelCache(library, Settings.read({}, models_dir=tmp_path / "models", threads=1))


def test_threads_that_ask_at_once_get_the_same_model(cache: ModelCache, library: SlowLibrary) -> None:
    with ThreadPoolExecutor(16) as threads:
        asking = [threads.submit(cache.model, "slow") for _ in range(16)]
        assert library.requested.wait(30)
        library.gate.set()
        assert len({id(each.result(30)) for each in asking}) == 1


def test_a_model_that_is_fetched_keeps_no_other_waiting(cache: ModelCache, library: SlowLibrary) -> None:
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(cache.model, "slow")
        assert library.requested.wait(30)
        assert threads.submit(cache.model, "mean_colour").result(30).name == "mean_colour"
        assert list(cache.loaded()) == ["mean_colour"]
        assert cache.unload_idle(0) == ["mean_colour"]
        library.gate.set()
        assert slow.result(30).name == "slow"


def test_a_model_in_use_goes_on_after_it_was_let_go_of(cache: ModelCache) -> None:
    model = cache.model("mean_colour")
    size = model.bytes
    assert cache.loaded() == {"mean_colour": size}
    assert cache.unload_idle(3600) == []
    assert cache.unload_idle(0) == ["mean_colour"]
    assert (cache.loaded(), cache.unload_idle(0)) == ({}, [])
    assert cache.model("mean_colour") is not model


def test_a_model_that_is_asked_for_is_not_idle(library: SlowLibrary, tmp_path: Path) -> None:
    seconds = [100.0]
    settings = Settings.read({}, models_dir=tmp_path / "models", threads=1)
    cache = ModelCache(library, settings, clock=lambda: seconds[0])
    cache.model("mean_colour")
    seconds[0] = 200
    cache.model("mean_colour")
    seconds[0] = 290
    assert cache.unload_idle(90) == []
    seconds[0] = 291
    assert cache.unload_idle(90) == ["mean_colour"]


def test_it_is_loaded_for_each_number_of_threads_and_counted_so(cache: ModelCache) -> None:
    models = [cache.model("mean_colour", threads=threads) for threads in (1, 2, 1)]
    assert models[0] is models[2] is cache.model("mean_colour")
    assert cache.loaded() == {"mean_colour": 2 * models[0].bytes}
    cache.clear()
    assert cache.loaded() == {}


def test_its_size_is_known_before_it_is_loaded(cache: ModelCache) -> None:
    assert (cache.card("mean_colour").size, cache.loaded()) == ((16, 16), {})


def test_pulling_a_model_in_memory_looks_at_no_file(cache: ModelCache, tmp_path: Path) -> None:
    cache.model("mean_colour")
    (tmp_path / "cards" / "mean_colour.onnx").unlink()
    cache.pull("mean_colour")
    cache.unload_idle(-1)
    with pytest.raises(ModelUnavailable, match=r"mean_colour"):
        cache.pull("mean_colour")
