"""``[serve]`` of the application file: what each process takes on at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import MappingProxyType

from freestone.call import LIMIT_KINDS, LimitKind, Serving
from freestone.service import meant, shown

from .document import Table
from .policies import read_duration


def read_serving(table: Table, services: Collection[str]) -> Serving:
    """Return what the table says. ``services`` are those that the application runs; mistakes are noted."""
    usual = Serving()
    methods: dict[str, int] = {}
    inner = table.table("methods")
    for name, service, method in inner.methods("write { calls = 10 }"):
        if service not in services:
            inner.note(
                name, f'there is no service "{service}" that runs here', meant(service, sorted(services), "services")
            )
        methods[name] = _positive(method, "calls", usual.calls)
        if inner.get(name) == {}:
            inner.note(name, "it says nothing", "write { calls = 10 }")
        method.refuse_unknown()
    serving = Serving(
        limit=_kind(table, usual.limit),
        calls=_positive(table, "calls", usual.calls),
        queue=_positive(table, "queue", usual.queue),
        wait=read_duration(table, "wait", usual.wait),
        methods=MappingProxyType(methods),
    )
    for name, calls in methods.items():
        if serving.limit != "off" and calls > serving.calls:
            problem = f"it is never reached: each process serves {serving.calls} calls at a time at most"
            inner.table(name).note("calls", problem, "leave it out, or write a smaller number")
    if serving.limit == "off":
        for key in ("calls", "queue", "wait"):
            if key in table:
                table.note(key, 'it has no effect, since limit = "off"', "leave one of the two out")
    table.refuse_unknown()
    return serving


def serving_lines(serving: Serving) -> Iterator[str]:
    """Yield what ``freestone plan`` shows: a line for all processes, and one for each method with a limit."""
    if serving.limit == "off":
        yield "each process: no limit on calls"
    else:
        found = "finds its limit up to" if serving.limit == "adaptive" else "serves"
        waits = f"{serving.queue} more wait {shown(serving.wait)} at most"
        yield f"each process: {found} {serving.calls} calls at a time, {waits}"
    for name, calls in serving.methods.items():
        yield f"    {name}: {calls} at a time"


def _kind(table: Table, default: LimitKind) -> LimitKind:
    written = table.text("limit", default)
    for kind in LIMIT_KINDS:
        if written == kind:
            return kind
    table.note("limit", f'there is no limit "{written}"', meant(written, LIMIT_KINDS, "limits"))
    return default


def _positive(table: Table, key: str, default: int) -> int:
    number = table.integer(key, default)
    if number < 1:
        table.note(key, f"it is {number}; it must be at least 1")
        return default
    return number
