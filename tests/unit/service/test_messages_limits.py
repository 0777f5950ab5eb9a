"""The largest request that is read, and the smallest that is not."""

import pytest

from open_analytic.errors import InvalidInput, InvalidPipeline
from open_analytic.service import limits
from open_analytic.service.messages import Define, Describe, Run, parse

HASH = "0123456789abcdef" * 4


def test_a_request_has_as_many_inputs_as_the_limit() -> None:
    def request(count: int) -> bytearray:
        return bytearray(f"RUN output {HASH} - {' '.join(['-'] * count)}".encode())

    message = parse(request(limits.MAX_ITEMS), max_bytes=1000)
    assert isinstance(message, Run)
    assert message.items == (b"",) * limits.MAX_ITEMS
    with pytest.raises(InvalidInput, match="too many inputs"):
        parse(request(limits.MAX_ITEMS + 1), max_bytes=1000)


@pytest.mark.parametrize("command", [f"DEFINE {HASH} ", "DESCRIBE "])
def test_a_definition_is_as_long_as_the_limit(command: str) -> None:
    longest = b" " * limits.DEFINITION_BYTES
    message = parse(bytearray(command.encode() + longest.hex().encode()), max_bytes=1000)
    assert isinstance(message, Define | Describe)
    assert len(message.text) == limits.DEFINITION_BYTES
    with pytest.raises(InvalidPipeline, match="too long"):
        parse(bytearray(command.encode() + (longest + b" ").hex().encode()), max_bytes=1000)
