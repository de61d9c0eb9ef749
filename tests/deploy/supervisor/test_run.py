"""One run of a topology: claimed, bound, published, and cleared up."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freestone.app import Plan, load, plan
from freestone.clock import SystemClock
from freestone.deploy.supervisor import Replica, Run, State, Status, running
from freestone.errors import ConfigurationError

_SERVICE = '''
from freestone import Contract, query, service


class Clock(Contract):
    @query
    async def time(self) -> str:
        """Return the time."""


@service
class ClockService(Clock):
    async def time(self):
        return "noon"
'''

_FILE = """
name = "town"
[services]
clock = "town_{}:ClockService"
[topologies.{}]
tower = {{ services = ["*"], {} }}
"""

MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlan:
    """Plan an application of one service: in two replicas, or in one that listens somewhere."""
    monkeypatch.syspath_prepend(str(tmp_path))
    module = f"town_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(_SERVICE, "utf-8")

    def make(topology: str = "split", listen: str = "") -> Plan:
        also = f'listen = "{listen}", plaintext = true' if listen else "replicas = 2"
        (tmp_path / "freestone.toml").write_text(_FILE.format(tmp_path.name, topology, also), "utf-8")
        return plan(load(tmp_path))

    return make


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_each_replica_has_a_socket_that_takes_connections(make_plan: MakePlan) -> None:
    """Before any process is started; at the end they are gone."""
    with Run.open(make_plan(), SystemClock()) as run:
        assert sorted(path.name for path in run.directory.path.glob("*.sock")) == ["tower-0.sock", "tower-1.sock"]
        for place in run.places.values():
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(5)
                caller.connect(place.address.removeprefix("unix://"))
    assert not run.directory.path.exists()


def test_a_process_listens_where_its_topology_says(make_plan: MakePlan) -> None:
    """Everywhere, for instance; processes of this machine reach it on this machine."""
    port = free_port()
    with Run.open(make_plan(listen=f"tcp://0.0.0.0:{port}"), SystemClock()) as run:
        [place] = run.places.values()
        assert place.wire.getsockname() == ("0.0.0.0", port)
        assert place.address == f"tcp://127.0.0.1:{port}"


def test_what_runs_is_published(make_plan: MakePlan) -> None:
    """From the first moment to the last."""
    since = datetime(2030, 1, 2, tzinfo=UTC)
    made = make_plan()
    with Run.open(made, SystemClock()) as run:
        [record] = running(made.app.home)
        assert [(each.process, each.replica, each.state) for each in record.replicas] == [
            ("tower", 0, "starting"),
            ("tower", 1, "starting"),
        ]
        run.publish(lambda replica: Status(State.RUNNING, 40 + replica.number, since, restarts=replica.number))
        [record] = running(made.app.home)
        assert [(each.pid, each.restarts, each.since) for each in record.replicas] == [(40, 0, since), (41, 1, since)]
        assert record.replicas[0].services == ("clock",)
    assert running(made.app.home) == []


def test_a_topology_is_claimed_once(make_plan: MakePlan) -> None:
    """A second run leaves no trace, and the first as it was."""
    made = make_plan()
    with Run.open(made, SystemClock()) as run:
        with (
            pytest.raises(ConfigurationError, match="topology 'split': it runs here already"),
            Run.open(made, SystemClock()),
        ):
            pass
        assert Replica("tower", 1) in run.places
        assert len(running(made.app.home)) == 1
        assert run.directory.path.exists()


def test_an_address_that_is_taken_leaves_no_trace(make_plan: MakePlan) -> None:
    """Neither a file nor a directory."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made = make_plan(listen=f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        with (
            pytest.raises(ConfigurationError, match="cannot listen there: address already in use"),
            Run.open(made, SystemClock()),
        ):
            pass
    assert running(made.app.home) == []
