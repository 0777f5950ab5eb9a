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
        self._models: dict[tuple[str, int], OnnxModel] = {}
        self._lock = threading.Lock()

    def pull(self, name: str, progress: ProgressCallback | None = None) -> None:
        """Have the network's file here, whole."""
        self._library.path(name, progress)

    def model(self, name: str, threads: int | None = None) -> OnnxModel:
        """The network, pulled and loaded when it is not there yet; by default with the threads of the settings."""
        key = (name, self._threads if threads is None else threads)
        found = self._models.get(key)
        if found is None:
            with self._lock:
                found = self._models.get(key)
                if found is None:
                    found = OnnxModel(self._library.path(name), self._library.card(name), threads=key[1])
                    self._models[key] = found
        return found

    def clear(self) -> None:
        """Let go of all of them."""
        with self._lock:
            self._models.clear()
