"""A finding of ``open-analytic doctor``."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. A note works but deserves a look; what is broken has to be repaired."""

    name: str
    state: State
    detail: str
    hint: str | None = None
