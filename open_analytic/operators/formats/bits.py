"""Numbers of any number of bits, the highest first, as video codecs write their headers."""

from open_analytic.errors import BadImage


class Bits:
    """Reads them one after another."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise BadImage("A coded picture ends within its header.", hint="The file is damaged.")
        return self._number >> self._left & (1 << count) - 1

    def take_golomb(self) -> int:
        """A number in exponential Golomb code: AV1's uvlc(), HEVC's ue(v)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros < 32 else (1 << 32) - 1
