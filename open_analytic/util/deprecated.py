"""Old names that stay: each warns and does what its new name does."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from open_analytic.errors import BadParameter

T = TypeVar("T")


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


def renamed_field(old: str, new: str) -> Callable[[type[T]], type[T]]:
    """A dataclass whose field has a new name: the old one, as an argument and as an attribute, warns and works."""
    problem = f"{{}}.{old} is deprecated: use {new}."

    def decorate(cls: type[T]) -> type[T]:
        init, message = cls.__init__, problem.format(cls.__name__)

        @wraps(init)
        def construct(self: T, *args: Any, **values: Any) -> None:
            if old in values:
                if new in values:
                    raise BadParameter(f"Both {old} and {new} are present.", hint=f"{old} is the old name: give {new}.")
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                values[new] = values.pop(old)
            init(self, *args, **values)

        def read(self: T) -> Any:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return getattr(self, new)

        cls.__init__ = construct  # type: ignore[method-assign, assignment]
        setattr(cls, old, property(read, doc=f"Deprecated: use ``{new}``."))
        return cls

    return decorate
