"""Models loaded once, whoever asks."""

import threading

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.runtime.session import OnnxModel
from open_analytic.types import ProgressCallback


class ModelCache:
    """Networks by name; a model that several threads ask for at once is loaded once."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library, self._threads = library, settings.threads
        self._models: dict[str, OnnxModel] = {}
        self._lock = threading.Lock()

    def model(self, name: str, progress: ProgressCallback | None = None) -> OnnxModel:
        """The network, pulled and loaded when it is not there yet."""
        found = self._models.get(name)
        if found is None:
            with self._lock:
                found = self._models.get(name)
                if found is None:
                    path = self._library.path(name, progress)
                    found = OnnxModel(path, self._library.card(name), threads=self._threads)
                    self._models[name] = found
        return found

    def clear(self) -> None:
        """Let go of all of them."""
        with self._lock:
            self._models.clear()
