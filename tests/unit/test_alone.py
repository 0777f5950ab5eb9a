"""The guard of this folder: a unit test that starts a process or opens a connection fails."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable

import pytest


def bind() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("event", "act"),
    [
        ("subprocess.Popen", lambda: subprocess.run(["true"], check=True)),
        ("os.system", lambda: os.system("true")),  # noqa: S605
        ("os.fork", os.fork),
        ("socket.bind", bind),
        ("socket.getaddrinfo", lambda: socket.create_connection(("localhost", 1))),
    ],
    ids=["run", "system", "fork", "bind", "connect"],
)
def test_a_unit_test_reaches_nothing_outside(event: str, act: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match=rf"^{event} .* belongs to tests/process\.$"):
        act()


def test_nor_do_its_threads() -> None:
    caught: list[BaseException] = []

    def thread() -> None:
        try:
            bind()
        except pytest.fail.Exception as error:
            caught.append(error)

    other = threading.Thread(target=thread)
    other.start()
    other.join()
    assert [type(each) for each in caught] == [pytest.fail.Exception]
