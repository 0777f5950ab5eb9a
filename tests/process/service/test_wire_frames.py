"""The wire is spoken to by nobody in particular."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_analytic.service import messages
from tests.process.service.wiring import SECONDS, Raw, Service, run


@pytest.mark.parametrize(
    ("sent", "code", "what"),
    [
        pytest.param(b"Q\0\0\0\3", "08P01", "A message cannot have 3 bytes.", id="too short"),
        pytest.param(b"Q\xff\xff\xff\xff", "08P01", "A message cannot have -1 bytes.", id="negative"),
        pytest.param(b"Q\x40\0\0\1", "08P01", "A message cannot have 1,073,741,825 bytes.", id="over 1 GiB"),
        pytest.param(b"p\0\0\0\4", "08P01", "The message is of a kind that has no place here.", id="password again"),
        pytest.param(b"\0\0\0\0\4", "08P01", "The message is of a kind that has no place here.", id="no kind"),
    ],
)
def test_a_broken_frame_ends_the_connection(service: Service, sent: bytes, code: str, what: str) -> None:
    raw = Raw(service)
    raw.send(sent)
    assert raw.refusal() == ("FATAL", code, what)
    assert raw.read() == (b"", b"")
    raw.close()


def test_other_messages_keep_the_connection_in_step(service: Service) -> None:
    raw = Raw(service)
    skipped = b"".join(kind + b"\0\0\0\6ab" for kind in (b"H", b"d", b"c", b"f"))
    raw.send(skipped + b"P\0\0\0\4" + b"B\0\0\0\4" + b"Q\0\0\0\5\0" + b"S\0\0\0\4")  # one error, then skipped to Sync
    assert [kind for kind, _ in raw.until_ready()] == [b"E"]
    raw.send(b"F\0\0\0\4")
    assert [kind for kind, _ in raw.until_ready()] == [b"E"]
    raw.send(b"Q\0\0\0\4" + b"Q\0\0\0\5a")  # neither ends with a zero byte
    assert [kind for kind, _ in raw.until_ready() + raw.until_ready()] == [b"E", b"E"]
    raw.query("")
    assert raw.until_ready() == [(b"I", b"")]
    raw.close()


def test_encryption_is_declined_once_or_twice(service: Service) -> None:
    ssl, gssapi = (struct.pack("!ii", 8, code) for code in (messages.SSL_REQUEST, messages.GSSENC_REQUEST))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(str(service.path))
        client.sendall(gssapi + ssl + ssl)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            assert answers.read().startswith(b"NNNE")


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=200))
def test_any_bytes_may_come_instead_of_an_introduction(service: Service, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(str(service.path))
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError), client.makefile("rb") as answers:
            answers.read()
    assert service.alive()


_kinds = st.sampled_from([bytes([kind]) for kind in b"QQQPBDECFHSXdcfp"]) | st.binary(min_size=1, max_size=1)
_texts = st.sampled_from([run(b"abc").encode() + b"\0", b"\0"]) | st.binary(max_size=200)
_messages = st.tuples(_kinds, _texts).map(lambda pair: pair[0] + struct.pack("!i", len(pair[1]) + 4) + pair[1])


@settings(deadline=None, max_examples=200)
@given(sent=st.lists(_messages, max_size=8), torn=st.binary(max_size=20))
def test_any_messages_may_come_from_a_client(service: Service, sent: list[bytes], torn: bytes) -> None:
    raw = Raw(service)
    with contextlib.suppress(ConnectionError):
        raw.send(b"".join(sent) + torn)
        raw.rest()
    raw.close()
    assert service.alive()
