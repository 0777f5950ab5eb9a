"""One budget of decoded bytes: first come, first served, given back whatever happens."""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import BadImage, DeadlineExceeded, ImageTooLarge, ServiceBusy
from open_analytic.operators import memory
from open_analytic.operators.formats.png import read_header
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import MOST_WAITING, Budget, Hold, Limits, NoRoom, budget, default_bytes
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken


@pytest.fixture
def shared() -> Iterator[Budget]:
    """The process's budget, empty before and after."""
    assert (budget().used, budget().waiting) == (0, 0)
    yield budget()
    assert (budget().used, budget().waiting) == (0, 0)


def png(side: int = 100, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side)).save(file, "PNG")
    return file.getvalue()


def test_the_bytes_are_those_of_pillow_of_ours_and_of_a_strip() -> None:
    assert read_header(png()).cost() == 100 * 100 * (4 + 3 + 12) + 3 * (len(png()))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    changed = threading.Event()
    while not condition():
        changed.wait(0.005)


def test_callers_are_served_in_their_order() -> None:
    room, order = Budget(), []
    room.take(10, 10)

    def caller(name: str, weight: int) -> None:
        room.take(weight, 10)
        order.append(name)
        room.give_back(weight)

    threads = []
    for number, (name, weight) in enumerate([("large", 9), ("small", 1), ("middle", 5)], 1):
        threads.append(threading.Thread(target=caller, args=(name, weight)))
        threads[-1].start()
        until(lambda number=number: room.waiting == number)  # type: ignore[misc]
    room.give_back(5)  # enough for two of them, but not for the first
    assert (room.waiting, order) == (3, [])
    room.give_back(5)
    for thread in threads:
        thread.join()
    assert (room.used, room.waiting, order[0]) == (0, 0, "large")


def test_who_waits_leaves_at_the_deadline_and_when_the_caller_has_gone() -> None:
    room = Budget()
    room.take(10, 10)
    cancelled = CancelToken()

    def caller(cancel_token: CancelToken) -> None:
        CANCEL_TOKEN.set(cancel_token)
        room.take(1, 10)

    with ThreadPoolExecutor(2) as threads:
        late, left = threads.submit(caller, CancelToken(deadline=0)), threads.submit(caller, cancelled)
        until(lambda: room.waiting >= 1)
        cancelled.cancel()
        wait([late, left])
    assert isinstance(late.exception(), DeadlineExceeded)
    assert isinstance(left.exception(), CancelledError)
    assert (room.used, room.waiting) == (10, 0)


def test_a_service_refuses_a_wait_without_hope() -> None:
    room = Budget()
    room.take(10, 10)
    cancel_tokens = [CancelToken() for _ in range(MOST_WAITING)]

    def caller(cancel_token: CancelToken) -> None:
        CANCEL_TOKEN.set(cancel_token)
        room.take(10, 10)

    with ThreadPoolExecutor(MOST_WAITING + 1) as threads:
        waiting = [threads.submit(caller, cancel_token) for cancel_token in cancel_tokens]
        until(lambda: room.waiting == MOST_WAITING)
        refused = threads.submit(caller, CancelToken())
        assert isinstance(refused.exception(), ServiceBusy)
        for cancel_token in cancel_tokens:
            cancel_token.cancel()
        wait(waiting)
    assert (room.used, room.waiting) == (10, 0)


def test_a_picture_larger_than_the_budget_is_refused_with_the_numbers(shared: Budget) -> None:
    with pytest.raises(ImageTooLarge) as refused:
        decode_image(png(), Limits(decode_bytes=60_000))
    assert refused.value.message.startswith("The picture of 100 x 100 pixels takes ")
    assert "bytes of memory to decode; at most 60,000 are used." in refused.value.message
    assert decode_image(png(), Limits(decode_bytes=read_header(png()).cost())).pixels.shape == (100, 100, 3)


def test_the_budget_is_the_settings_one_everywhere(shared: Budget) -> None:
    settings = Settings.read({"OPEN_ANALYTIC_DECODE_BYTES": "60_000"})
    assert Limits.of(settings) == Limits(decode_bytes=60_000)
    with pytest.raises(ImageTooLarge, match="at most 60,000"):
        decode_image(png(), Limits.of(settings))


def test_bytes_are_given_back_when_decoding_fails(shared: Budget) -> None:
    whole = png(600)
    with pytest.raises(BadImage):
        decode_image(whole[: len(whole) // 2], Limits())
    decode_image(whole, Limits())
    assert shared.used == 0


def test_pictures_of_many_threads_are_never_over_the_budget(shared: Budget) -> None:
    data, seen = png(400, "RGBA"), []
    weight = read_header(data).cost()
    limits = Limits(decode_bytes=2 * weight)

    def decode(_: int) -> None:
        decode_image(data, limits)
        seen.append(shared.used)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(decode, range(64)))
    assert len(seen) == 64
    assert max(seen) <= 2 * weight


def test_a_hold_is_taken_once_and_kept_in_part(shared: Budget) -> None:
    hold = Hold(times=2, beside=5)
    hold.take(10, 100, "It")
    hold.take(10, 100, "It")
    assert shared.used == 25
    hold.keep(7)
    assert shared.used == 12
    with pytest.raises(NoRoom):
        Hold(wait=False).take(90, 100, "It")
    hold.release()
    hold.release()
    assert shared.used == 0


def test_a_hold_that_is_forgotten_is_released(shared: Budget) -> None:
    Hold().take(10, 100, "It")
    assert shared.used == 0


def test_the_default_is_a_quarter_of_the_memory() -> None:
    assert default_bytes() == memory.total_bytes() // 4
    assert memory.total_bytes() > 0


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/a/b\n", {"a/memory.max": "700\n", "a/b/memory.max": "max\n"}, [700]),
        ("0::/\n", {"memory.max": "500"}, [500]),
        (
            "3:cpu,memory:/a\n1:cpu:/a\n",
            {"memory/a/memory.limit_in_bytes": "900\n", "memory/memory.limit_in_bytes": "9"},
            [900, 9],
        ),
        ("0::/elsewhere\n", {"memory.max": "max"}, []),
    ],
    ids=["version 2", "container", "version 1", "none"],
)  # fmt: skip
def test_a_control_groups_limit_counts(groups: str, files: dict[str, str], expected: list[int], tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text(groups)
    for name, text in files.items():
        (tmp_path / "top" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / name).write_text(text)
    assert memory.limits(tmp_path / "top", membership) == expected
