"""Models loaded once for all callers, and unloaded when unused for a while."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from open_analytic.config import Settings
from open_analytic.models.card import ModelCard
from open_analytic.models.library import Library
from open_analytic.runtime.providers import CPU
from open_analytic.types import ProgressCallback

if TYPE_CHECKING:  # ONNX Runtime is loaded with the first model: most commands run none
    from open_analytic.runtime.session import OnnxModel, Watch


class ModelCache:
    """Networks by name; a model that several threads ask for at once is loaded once."""

    def __init__(self, library: Library, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._library, self._threads, self._clock = library, settings.threads, clock
        self._providers = _resolved(settings.providers)
        self._run_s = settings.model_run_s
        self._watch: Watch | None = None  # made with the first model
        self._models: dict[tuple[str, int], OnnxModel] = {}
        self._used: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}  # by model: one that is being fetched keeps no other waiting

    def pull(self, name: str, progress: ProgressCallback | None = None) -> None:
        """Have the network's file here, whole; one that is in memory needs none."""
        if not any(key[0] == name for key in list(self._models)):
            self._library.path(name, progress)

    def card(self, name: str) -> ModelCard:
        """The network's card; it need not be loaded to know."""
        return self._library.card(name)

    def model(self, name: str, threads: int | None = None) -> "OnnxModel":
        """The network, pulled and loaded when it is not there yet; by default with the threads of the settings."""
        # The number of threads is the processor's; elsewhere a second copy would only take memory.
        own = threads is None or self._providers[0] != CPU
        key = (name, self._threads if threads is None or own else threads)
        model = self._models.get(key)
        if model is None:
            with self._lock:
                alone = self._loading.setdefault(name, threading.Lock())
            with alone:
                model = self._models.get(key) or self._load(*key)
        self._used[key] = self._clock()
        return model

    def _load(self, name: str, threads: int) -> "OnnxModel":
        from open_analytic.runtime.session import OnnxModel, Watch

        path, card = self._library.path(name), self._library.card(name)
        # With other threads it has the same feed, so a tokenizer is in memory once.
        feed = next((model.feed for key, model in list(self._models.items()) if key[0] == name), None)
        files = self._library.files(name)
        with self._lock:
            self._watch = self._watch or Watch(self._run_s)
        model = OnnxModel(
            path, card, files=files, feed=feed, chosen=self._providers, threads=threads, watch=self._watch
        )
        with self._lock:
            self._used[name, threads] = self._clock()  # before it can be seen, or it would seem idle
            self._models[name, threads] = model
        return model

    def loaded(self) -> dict[str, int]:
        """Bytes of weights in memory, by model: one that is loaded for one thread and for all counts twice."""
        counts: dict[str, int] = {}
        for (name, _), model in list(self._models.items()):
            counts[name] = counts.get(name, 0) + model.bytes
        return counts

    def unload_idle(self, idle_s: float) -> list[str]:
        """Unload the networks that no call has used since; their names."""
        with self._lock:
            old = [key for key in self._models if self._clock() - self._used[key] > idle_s]
            for key in old:
                del self._models[key]
        return sorted({name for name, _ in old})

    def clear(self) -> None:
        """Unload all of them."""
        if self._watch:
            self._watch.close()
        with self._lock:
            self._models.clear()


def _resolved(chosen: Sequence[str]) -> tuple[str, ...]:
    """The providers of the setting, by ONNX Runtime's names; every build of it has the CPU's."""
    if set(chosen) <= {"cpu"}:
        return (CPU,)
    from open_analytic.runtime.session import resolved

    return resolved(chosen)
