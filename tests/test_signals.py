"""What happens is announced to whoever listens, and costs nothing otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freestone import signals as module
from freestone.signals import ServiceStarted, Signal, Signals


def test_every_observer_hears_what_is_announced() -> None:
    """In the order of subscription, until it unsubscribes."""
    signals, heard = Signals(), list[tuple[str, Signal]]()

    def first(signal: Signal) -> None:
        heard.append(("first", signal))

    def second(signal: Signal) -> None:
        heard.append(("second", signal))

    signals.subscribe(first)
    signals.subscribe(second)
    signals.announce(ServiceStarted("catalog"))
    signals.unsubscribe(first)
    signals.announce(ServiceStarted("progress"))
    assert heard == [
        ("first", ServiceStarted("catalog")),
        ("second", ServiceStarted("catalog")),
        ("second", ServiceStarted("progress")),
    ]


def test_whether_anybody_listens_is_one_attribute() -> None:
    """So that a hot path need not even make the record."""
    signals, heard = Signals(), list[Signal]()
    assert not signals.observed
    signals.subscribe(heard.append)
    assert signals.observed
    signals.unsubscribe(heard.append)
    assert not signals.observed


def test_an_observer_that_fails_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the others still hear."""
    signals, heard = Signals(), list[Signal]()

    def broken(signal: Signal) -> None:
        raise RuntimeError("no ears")

    signals.subscribe(broken)
    signals.subscribe(heard.append)
    signals.announce(ServiceStarted("catalog"))
    assert heard == [ServiceStarted("catalog")]
    assert "an observer failed on ServiceStarted(service='catalog')" in caplog.text


@pytest.mark.parametrize("page", ["calls", "overload"])
def test_the_signals_of_the_guide_are_those_that_there_are(page: str) -> None:
    """With the same fields, in their order."""
    text = (Path(__file__).parents[1] / "docs" / f"{page}.md").read_text()
    listed = re.findall(r"^\|.*`(\w+)\(([\w, ]+)\)`.*\|$", text.partition("## What is announced")[2], re.MULTILINE)
    assert len(listed) >= 5
    for name, fields in listed:
        assert fields == ", ".join(getattr(module, name).__struct_fields__), name
