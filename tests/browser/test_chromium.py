"""Without a browser the tests of pages are skipped loudly, or fail where one is required."""

import pytest

from tests import chromium


@pytest.fixture
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.NAMED, "/no/such/browser")
    monkeypatch.delenv(chromium.REQUIRED, raising=False)


@pytest.mark.usefixtures("_none")
def test_a_missing_browser_is_a_loud_skip_that_says_how_to_get_one() -> None:
    with pytest.raises(
        pytest.skip.Exception, match=r"^CHROMIUM MISSING: none of /no/such/browser .*chromium.sh install"
    ):
        chromium.require()


@pytest.mark.usefixtures("_none")
def test_where_one_is_required_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="CHROMIUM MISSING"):
        chromium.require()


@pytest.mark.usefixtures("_none")
@pytest.mark.parametrize("name", ["false"])
def test_a_program_that_does_not_start_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(chromium.NAMED, name)
    with pytest.raises(pytest.skip.Exception, match="does not start"):
        chromium.require()
