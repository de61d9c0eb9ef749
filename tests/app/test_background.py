"""What runs besides the services is started and stopped in order."""

from __future__ import annotations

import pytest

from freestone.app.background import Background


class Noted:
    """A worker that notes what is asked of it."""

    def __init__(self, name: str, notes: list[str], *, fails: str = "") -> None:
        self._name = name
        self._notes = notes
        self._fails = fails

    async def start(self) -> None:
        self._notes.append(f"start {self._name}")
        if self._fails == "start":
            raise RuntimeError("it does not start")

    async def stop(self, seconds: float) -> None:
        self._notes.append(f"stop {self._name} within {seconds}")
        if self._fails == "stop":
            raise RuntimeError("it does not stop")


async def test_workers_are_started_in_order_and_stopped_in_the_opposite_one() -> None:
    """Each is told how long it may take."""
    notes: list[str] = []
    background = Background([Noted("a", notes)])
    background.add(Noted("b", notes))
    await background.start()
    await background.stop(5)
    await background.stop(5)
    assert notes == ["start a", "start b", "stop b within 5", "stop a within 5"]


async def test_a_worker_that_does_not_start_stops_those_before_it() -> None:
    """And itself, for it may have begun something; those after it are left alone."""
    notes: list[str] = []
    background = Background([Noted("a", notes), Noted("b", notes, fails="start"), Noted("c", notes)])
    with pytest.raises(RuntimeError, match="it does not start"):
        await background.start()
    assert notes == ["start a", "start b", "stop b within 0", "stop a within 0"]


async def test_a_worker_that_does_not_stop_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""
    notes: list[str] = []
    background = Background([Noted("a", notes), Noted("b", notes, fails="stop")])
    await background.start()
    await background.stop(1)
    assert notes[-2:] == ["stop b within 1", "stop a within 1"]
    assert "did not stop well" in caplog.text
