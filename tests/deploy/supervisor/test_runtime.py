"""The directory of a run's sockets, and the sockets."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from freestone.deploy.supervisor import RuntimeDirectory, listen_tcp, listen_unix
from freestone.errors import ConfigurationError


@pytest.fixture
def directory() -> Iterator[RuntimeDirectory]:
    """Give a fresh directory."""
    made = RuntimeDirectory.make()
    yield made
    made.remove()


def test_only_the_user_can_enter_it(directory: RuntimeDirectory) -> None:
    """Whoever can open a socket can call the services behind it."""
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700


def test_its_name_is_short_though_temporary_files_go_far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A socket's path has a limit of about a hundred bytes."""
    far = tmp_path / ("far" * 30)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    made = RuntimeDirectory.make()
    try:
        assert not made.path.is_relative_to(far)
        listen_unix(made.path / ("a" * 60)).close()
    finally:
        made.remove()


def test_a_bound_socket_takes_connections_before_anybody_accepts(directory: RuntimeDirectory) -> None:
    """They wait in its backlog while the process behind it is started."""
    path = directory.path / "catalog-0.sock"
    with listen_unix(path), socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(5)
        caller.connect(str(path))


def test_a_port_that_is_taken_is_named(directory: RuntimeDirectory) -> None:
    """The sentence says what to do."""
    with listen_tcp("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigurationError) as raised:
            listen_tcp("127.0.0.1", port)
    assert str(raised.value) == (
        f"address 127.0.0.1:{port}: cannot listen there: address already in use; "
        "stop what uses it, or name another address"
    )


def test_a_host_that_is_not_here_is_named() -> None:
    """An address of another machine can't be listened on."""
    with pytest.raises(ConfigurationError, match=r"address 192\.0\.2\.1:80: cannot listen there: cannot assign"):
        listen_tcp("192.0.2.1", 80)


def test_only_the_last_to_leave_is_told_so(directory: RuntimeDirectory) -> None:
    """It clears up; the others must not."""
    tenants = [RuntimeDirectory(directory.path) for _ in range(3)]
    for tenant in tenants:
        tenant.hold()
    assert [tenant.leave() for tenant in tenants] == [False, False, True]
    assert [tenant.leave() for tenant in tenants] == [False, False, False]


def test_a_directory_that_is_gone_can_be_held_and_left(directory: RuntimeDirectory) -> None:
    """The supervisor may be quicker."""
    directory.remove()
    directory.hold()
    assert not directory.leave()
    directory.remove()


def test_a_directory_that_was_not_made_here_is_never_removed(tmp_path: Path) -> None:
    """A file that names another one as its run's directory must not cost anybody their data."""
    RuntimeDirectory(tmp_path).remove()
    assert os.path.isdir(tmp_path)
