"""Old names that stay: each warns and does what its new name does."""

import warnings
from collections.abc import Callable
from typing import Any


def renamed(old: str, new: str) -> Callable[..., Any]:
    """A method under its old name: a ``DeprecationWarning`` that names the new one, then the same result."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        warnings.warn(f"{old}() is deprecated: use {new}().", DeprecationWarning, stacklevel=2)
        return getattr(self, new)(*args, **options)

    method.__doc__ = f"Deprecated: use ``{new}``."
    return method
