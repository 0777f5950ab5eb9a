"""What a statement of a script becomes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a script and its translation: none, one or several statements, and why."""

    number: int
    line: int
    source: str
    becomes: tuple[str, ...]
    why: str

    @property
    def unchanged(self) -> bool:
        """Whether PostgreSQL gets exactly what was written."""
        return self.becomes == (self.source,)
