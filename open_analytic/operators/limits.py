"""Limits on an input: checked before it is decoded, since inputs are hostile."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from open_analytic.config import Settings
from open_analytic.errors import ImageTooLarge
from open_analytic.operators import budget


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture can have: bytes of its file, width times height once decoded, and bytes while it is decoded.

    ``decode_bytes`` is of all pictures of the process together (0: a quarter of the memory). A picture that goes
    through a pipeline carries a ``hold`` on them.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 80_000_000
    decode_bytes: int = 0
    hold: budget.Hold | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings say."""
        return cls(settings.max_bytes, settings.max_pixels, settings.decode_bytes)

    def check_bytes(self, data: bytes, noun: str = "input") -> None:
        """ImageTooLarge (OA013), as at every door, when the bytes are more than ``max_bytes``."""
        if len(data) > self.max_bytes:
            raise ImageTooLarge(
                f"The {noun} has {len(data):,} bytes; at most {self.max_bytes:,} are read.",
                hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
            )

    def reserved(self, weight: int, what: str) -> AbstractContextManager[None]:
        """Room for the bytes of a decoding; ImageTooLarge names them where there can never be so much."""
        most = self.decode_bytes or budget.default_bytes()
        if self.hold is None:
            return budget.reserved(weight, most, what)
        self.hold.take(weight, most, what)
        return nullcontext()
