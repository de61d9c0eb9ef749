"""The NATS server of a run: what is written for it, and the process that becomes it."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import sysconfig
from pathlib import Path

import pytest

from freestone.cluster import NatsConnection, NatsSettings
from freestone.deploy.supervisor import ProcessSpec, Replica, State, own_nats, program
from freestone.deploy.supervisor.nats import OwnNats
from freestone.errors import ConfigurationError

from .conftest import Watched


@pytest.fixture
def nats(tmp_path: Path) -> OwnNats:
    run = tmp_path / "run"
    run.mkdir()
    return OwnNats(run, tmp_path / "home", "shop", ["till", "ledger"])


def spec(nats: OwnNats, grace: float = 5.0) -> ProcessSpec:
    return ProcessSpec(nats.replica, nats.command(grace))


async def connected(run_directory: Path) -> NatsConnection:
    """Connect as a process of the run does, however long the server takes."""
    found = own_nats(run_directory)
    assert found is not None
    connection = NatsConnection(found)
    await connection.start()
    async with asyncio.timeout(20):
        await connection.connected()
    return connection


def test_its_password_is_in_files_that_nobody_else_reads(nats: OwnNats, tmp_path: Path) -> None:
    """And in no command line. Each run has its own."""
    found = own_nats(tmp_path / "run")
    assert found is not None
    password = found.urls[0].split(":")[2].partition("@")[0]
    assert len(password) >= 32
    assert password not in " ".join(nats.command(5))
    assert password not in nats.address
    for file in (tmp_path / "run").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    OwnNats(other, tmp_path / "home", "shop", [])
    assert own_nats(other) != found


def test_it_has_the_name_of_no_process(tmp_path: Path) -> None:
    """An application may have a process that is named nats."""
    assert OwnNats(tmp_path, tmp_path, "shop", []).replica == Replica("nats")
    assert OwnNats(tmp_path, tmp_path, "shop", ["nats"]).replica == Replica("nats-server")
    assert OwnNats(tmp_path, tmp_path, "shop", ["nats", "nats-server"]).replica == Replica("nats-server-2")


def test_a_run_without_one_has_none(tmp_path: Path) -> None:
    """Its processes find nothing in its directory."""
    assert own_nats(tmp_path) is None


def test_without_the_program_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The wheel is an extra."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        program()
    assert str(caught.value) == (
        "nats: events or leases of the application are in NATS, and there is no nats-server to start; "
        'pip install "freestone[nats-server]", or say with [nats] url where NATS is'
    )


async def test_it_syncs_always_and_wants_the_password(watched: Watched, nats: OwnNats, tmp_path: Path) -> None:
    """What it has acknowledged is on the disk."""
    watched.start([spec(nats)])
    await watched.until_running(nats.replica)
    assert "sync_interval: always" in (tmp_path / "run" / "nats-server.conf").read_text("utf-8")
    connection = await connected(tmp_path / "run")
    await connection.close()
    stranger = NatsConnection(NatsSettings((nats.address,)))
    await stranger.start()
    assert not stranger.is_connected
    await stranger.close()


async def test_one_that_may_sync_later_starts_as_well(watched: Watched, tmp_path: Path) -> None:
    """For whoever has chosen it; the server understands how it is written."""
    run = tmp_path / "run"
    run.mkdir()
    later = OwnNats(run, tmp_path / "home", "shop", [], 0.5)
    watched.start([spec(later)])
    await watched.until_running(later.replica)
    assert 'sync_interval: "0.5s"' in (run / "nats-server.conf").read_text("utf-8")


async def test_it_is_the_server_itself_that_is_watched(watched: Watched, nats: OwnNats) -> None:
    """So that what is shown of it, and what a signal hits, is the server."""
    supervisor = watched.start([spec(nats)])
    await watched.until_running(nats.replica)
    pid = supervisor.status(nats.replica).pid
    assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] == program().encode()


async def test_one_that_is_killed_comes_back_with_its_data(watched: Watched, nats: OwnNats, tmp_path: Path) -> None:
    """On the same port, so that its clients find it again."""
    supervisor = watched.start([spec(nats)])
    await watched.until_running(nats.replica)
    connection = await connected(tmp_path / "run")
    await connection.client.jetstream().add_stream(name="kept", subjects=["kept"])
    back = asyncio.Event()
    connection.watch(back.set)
    pid = supervisor.status(nats.replica).pid
    assert pid is not None
    os.kill(pid, 9)
    await watched.until(lambda: supervisor.status(nats.replica).restarts == 1)
    await watched.until_running(nats.replica)
    async with asyncio.timeout(20):
        await back.wait()
        await connection.connected()
    assert (await connection.client.jetstream().stream_info("kept")).config.name == "kept"
    await connection.close()


async def test_two_never_have_the_same_data(watched: Watched, nats: OwnNats, tmp_path: Path) -> None:
    """The second one waits for the first to go, and then says why it can't be started."""
    second = tmp_path / "second"
    second.mkdir()
    other = OwnNats(second, tmp_path / "home", "shop", ["nats"])
    supervisor = watched.start([spec(nats)])
    await watched.until_running(nats.replica)
    rival = Watched()
    try:
        rival.start([spec(other)])
        outcome = await rival.ended()
    finally:
        await rival.close()
    assert outcome.failed == other.replica
    assert outcome.reason == (
        f"another NATS server has the data in {tmp_path}/home/nats: end the run that it belongs to first"
    )
    assert supervisor.status(nats.replica).state is State.RUNNING


async def test_it_ends_when_it_is_told(watched: Watched, nats: OwnNats) -> None:
    """In order, and at once."""
    supervisor = watched.start([spec(nats)])
    await watched.until_running(nats.replica)
    supervisor.stop()
    outcome = await watched.ended()
    assert outcome.clean
    assert supervisor.status(nats.replica).state is State.STOPPED
