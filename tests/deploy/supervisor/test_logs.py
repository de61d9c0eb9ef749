"""The lines of many processes on one terminal."""

from __future__ import annotations

import io
import threading

from freestone.deploy.supervisor import Logs
from freestone.deploy.supervisor import logs as module


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Slow(io.StringIO):
    """A stream whose reader takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        assert self.go_on.wait(10)
        return super().write(text)


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_names_have_one_width() -> None:
    """So the lines stand below each other."""
    out, err = io.StringIO(), io.StringIO()
    logs = Logs(["edge.0", "catalog.0"], out, err)
    logs.line("edge.0", "one")
    logs.line("catalog.0", "two")
    logs.line("edge.0", "three", error=True)
    assert logs.close(10)
    assert out.getvalue() == "edge.0    | one\ncatalog.0 | two\n"
    assert err.getvalue() == "edge.0    | three\n"


def test_each_process_has_a_colour_on_a_terminal() -> None:
    """Replicas of one process share it; long lines are not folded."""
    out = Terminal()
    logs = Logs(["edge.0", "catalog.0", "catalog.1"], out, out)
    for name in ("edge.0", "catalog.0", "catalog.1"):
        logs.line(name, "[bold] " + "x" * 300)
    assert logs.close(10)
    lines = out.getvalue().splitlines()
    colours = [line.partition("m")[0] for line in lines]
    assert len(lines) == 3
    assert all(line.endswith("[bold] " + "x" * 300) for line in lines)
    assert colours[0] != colours[1] == colours[2]


def test_a_reader_that_is_gone_is_no_reason_to_stop() -> None:
    """``freestone run | head`` goes on serving."""
    out = io.StringIO()
    logs = Logs(["edge.0"], out, Gone())
    logs.line("edge.0", "lost", error=True)
    logs.line("edge.0", "kept")
    assert logs.close(10)
    assert out.getvalue() == "edge.0 | kept\n"


def test_a_slow_reader_holds_up_the_sources_and_nothing_else() -> None:
    """Too many lines that wait stop the flow; it goes on when there is room. No line is lost."""
    out = Slow()
    flowing: list[bool] = []
    resumed = threading.Event()

    def flow(going: bool) -> None:
        flowing.append(going)
        if going:
            resumed.set()

    logs = Logs(["edge.0"], out, io.StringIO(), flow=flow)
    lines = 0
    while not flowing:
        logs.line("edge.0", "x" * 65536)
        lines += 1
        assert lines * 65536 < module._HIGH + 2 * 65536
    assert flowing == [False]
    out.go_on.set()
    assert resumed.wait(10)
    assert flowing == [False, True]
    assert logs.close(10)
    assert out.getvalue().count("\n") == lines


def test_closing_does_not_wait_for_ever() -> None:
    """A terminal that is paused does not keep the run from ending."""
    out = Slow()
    logs = Logs(["edge.0"], out, io.StringIO())
    logs.line("edge.0", "never read")
    assert not logs.close(0.05)
    out.go_on.set()
    assert logs.close(10)
