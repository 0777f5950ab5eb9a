"""Old names that stay: each warns and does what its new name does."""

import warnings
from collections.abc import Callable
from typing import Any

from open_analytic.errors import BadParameter


def renamed(old: str, new: str) -> Callable[..., Any]:
    """A method under its old name: a ``DeprecationWarning`` that names the new one, then the same result."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        warnings.warn(f"{old}() is deprecated: use {new}().", DeprecationWarning, stacklevel=2)
        return getattr(self, new)(*args, **options)

    method.__doc__ = f"Deprecated: use ``{new}``."
    return method


def renamed_where(filter_: str | None, where: str | None, *, stacklevel: int = 3) -> str | None:
    """The filter of a call that can have it under the deprecated name ``where``, with a warning to the caller."""
    if where is None:
        return filter_
    if filter_ is not None:
        raise BadParameter("Both filter and where are present.", hint="where is the old name of filter: give filter.")
    warnings.warn("where is deprecated: use filter, which takes the same.", DeprecationWarning, stacklevel=stacklevel)
    return where
