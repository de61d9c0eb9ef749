"""``freestone run`` brings a NATS server where events go between processes, and the file names none."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Running, Start, Words

_FILE = """
name = "market"

[services]
till   = "market.service:TillService"
ledger = "market.service:LedgerService"

[topologies.whole]
all = { services = ["*"] }

[topologies.cut]
till   = { services = ["till"] }
ledger = { services = ["ledger"] }
"""

_CONTRACT = '''
from freestone import Contract, Event, query


class Till(Contract):
    class Sold(Event, key="item"):
        item: str

    @query
    async def sum(self) -> int:
        """Return what was taken."""


class Ledger(Contract):
    @query
    async def entries(self) -> int:
        """Return how many entries there are."""
'''

_SERVICE = """
from freestone import service
from freestone.events import subscribe

from market.contract import Ledger, Till


@service
class TillService(Till):
    async def sum(self):
        return 0


@service
class LedgerService(Ledger):
    async def entries(self):
        return 0

    @subscribe(Till.Sold)
    async def enter(self, event: Till.Sold) -> None: ...
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Make an application whose ledger hears what the till sells."""
    directory = tmp_path / "application"
    (directory / "market").mkdir(parents=True)
    (directory / "market" / "__init__.py").touch()
    (directory / "market" / "contract.py").write_text(_CONTRACT, "utf-8")
    (directory / "market" / "service.py").write_text(_SERVICE, "utf-8")
    (directory / "freestone.toml").write_text(_FILE, "utf-8")
    return directory


def replica(running: Running, name: str = "nats") -> dict[str, Any]:
    (found,) = [each for each in running.record()["replicas"] if each["process"] == name]
    return dict(found)


def test_it_is_started_seen_and_ended_last(market: Path, start: Start, freestone: Words) -> None:
    """As any process of the run. In one process nobody needs it."""
    running = start(market, "cut")
    running.until_said("market runs as cut")
    assert running.until_said("Server is ready").startswith("nats.0 ")
    (shown,) = json.loads(freestone("ps", "--json", cwd=market).stdout)
    (nats,) = [each for each in shown["replicas"] if each["process"] == "nats"]
    assert nats["state"] == "running"
    assert nats["address"].startswith("nats://127.0.0.1:")
    assert nats["memory"] > 2**20
    assert (market / ".freestone" / "nats" / "jetstream").is_dir()
    running.process.terminate()
    assert running.ended() == 0
    ending = next(number for number, line in enumerate(running.lines) if "Initiating Shutdown" in line)
    drained = [number for number, line in enumerate(running.lines) if "draining" in line and "nats" not in line]
    assert len(drained) == 3
    assert max(drained) < ending
    whole = start(market, "whole")
    whole.until_said("market runs as whole")
    assert [each["process"] for each in whole.record()["replicas"]] == ["all"]


def test_nobody_sees_its_password(market: Path, start: Start) -> None:
    """Not in what `ps` shows of any process of the run, nor in their environments, nor in what they say."""
    running = start(market, "cut")
    running.until_said("market runs as cut")
    url = json.loads((running.sockets() / "nats.json").read_text("utf-8"))["url"]
    password = url.split(":")[2].partition("@")[0].encode()
    for pid in (running.process.pid, *running.pids().values()):
        assert password not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert password not in Path(f"/proc/{pid}/environ").read_bytes()
    assert password.decode() not in running.file.read_text("utf-8")
    assert not [line for line in running.lines if password.decode() in line]


def test_one_that_is_killed_is_started_again(market: Path, start: Start) -> None:
    """The others do not notice more than that it was away."""
    running = start(market, "cut")
    running.until_said("market runs as cut")
    before = running.pids()
    os.kill(before["nats.0"], signal.SIGKILL)
    running.until_said("nats.0 was killed by SIGKILL; it is started again")
    running.until_said("Server is ready", times=2)
    after = running.pids()
    assert after["nats.0"] != before["nats.0"]
    assert {**after, "nats.0": 0} == {**before, "nats.0": 0}


def test_nothing_of_it_outlives_a_run_that_is_killed(market: Path, start: Start) -> None:
    """Nor does what it keeps: the next run has it."""
    running = start(market, "cut")
    running.until_said("market runs as cut")
    running.kill()
    again = start(market, "cut")
    again.until_said("market runs as cut")
    again.kill(again.pids()["till.0"], again.pids()["ledger.0"])
    third = start(market, "cut")
    third.until_said("market runs as cut")


def test_a_process_may_be_named_as_it(market: Path, start: Start) -> None:
    """Then the server has another name."""
    file = market / "freestone.toml"
    file.write_text(
        file.read_text("utf-8").replace('ledger = { services = ["ledger"] }', 'nats = { services = ["ledger"] }')
    )
    running = start(market, "cut")
    running.until_said("market runs as cut")
    assert sorted(running.pids()) == ["nats-server.0", "nats.0", "till.0"]


def test_a_broker_that_is_named_is_used(market: Path, start: Start) -> None:
    """Also one that is not there: the run starts none of its own."""
    file = market / "freestone.toml"
    file.write_text(file.read_text("utf-8") + '\n[nats]\nurl = "nats://127.0.0.1:9"\n')
    running = start(market, "cut")
    running.until_said("market runs as cut")
    assert sorted(running.pids()) == ["ledger.0", "till.0"]


def test_a_process_that_is_started_alone_wants_to_be_told(market: Path, freestone: Words) -> None:
    """Where NATS is: nobody would find a server that it started."""
    refused = freestone("serve", "till", "--topology", "cut", cwd=market)
    assert refused.returncode != 0
    assert (
        "nats.url: market needs NATS for its events, and nobody says where that is; write [nats] "
        "url = " in refused.stderr.replace("\n", " ")
    )
