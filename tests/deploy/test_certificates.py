"""An authority for development, and what it certifies."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freestone.call import Certified, Credentials
from freestone.deploy.certificates import Authority
from freestone.errors import ConfigurationError

NOW = datetime.now(UTC)
CATALOG = Certified("academy", "catalog")


def test_what_it_makes_is_what_a_process_proves_itself_with(tmp_path: Path) -> None:
    """The certificate names the process, and the key is for this user alone."""
    files = Authority(tmp_path / "made", NOW).certify(CATALOG)
    assert Credentials(files, CATALOG).who == CATALOG
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made" / "authority.key").stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="it is that of spiffe://academy/catalog, and this process is spiffe"):
        Credentials(files, Certified("academy", "edge"))


def test_an_authority_that_is_there_is_used_again(tmp_path: Path) -> None:
    """So that the processes that trust it go on."""
    first = Authority(tmp_path, NOW)
    certificate = first.path.read_bytes()
    second = Authority(tmp_path, NOW)
    assert (first.made, second.made) == (True, False)
    assert second.path.read_bytes() == certificate
    Credentials(second.certify(CATALOG), CATALOG)


def test_a_directory_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    """Nothing in it is touched."""
    (tmp_path / "authority.key").write_text("mine")
    with pytest.raises(ConfigurationError, match="the authority in it can't be read"):
        Authority(tmp_path, NOW)
    assert (tmp_path / "authority.key").read_text() == "mine"


def test_no_process_takes_the_authoritys_place(tmp_path: Path) -> None:
    """Its file has a name of its own."""
    with pytest.raises(ConfigurationError, match=r"process authority: .* is the authority's own; give the process an"):
        Authority(tmp_path, NOW).certify(Certified("academy", "authority"))


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setitem(__import__("sys").modules, "cryptography.x509", None)
    with pytest.raises(ConfigurationError, match=r'which is not installed; install "freestone\[certificates\]"'):
        Authority(tmp_path, NOW)
