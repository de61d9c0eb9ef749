"""A plan of faults as it is written: a TOML file, which is checked as a whole and against the application.

seed = 7

[faults.slow-catalog]
edge = "progress -> catalog.path"
latency = "50ms"
spread = "50ms"
probability = 0.5
after = "10s"
until = "20s"
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from freestone.app import NAME, NAME_RULE, App, Document, Table, refuse
from freestone.clock import system_random
from freestone.contract import operations
from freestone.errors import CANONICAL, DidNotHappen, ServiceError
from freestone.service import meant, seconds, shown

from .plan import ANY, Cut, Drop, Failure, Fault, FaultPlan, Latency, Refusal, Slow, What

_EDGE = re.compile(r"\s*(\*|[\w-]+)\s*->\s*(\*|[\w-]+)(?:\.(\w+))?\s*")
_KINDS: Final = ("latency", "error", "refuse", "drop", "cut", "slow")
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "spread": ("latency",),
    "happened": ("error", "drop"),
    "within": ("cut",),
}
"""Keys that belong to some kinds of faults, and to no others."""
_KEYS: Final = ("edge", *_KINDS, *_PARTS, "probability", "after", "until")
_ERRORS: Final[Mapping[str, type[ServiceError]]] = {it.__name__: it for it in CANONICAL}
_ALWAYS: Final = ("app", "edge", "test")
"""Processes that a file need not name: those of topologies that every application has, and a test."""
_EXAMPLE: Final = 'write it as "progress -> catalog.path", "progress -> catalog" or "* -> catalog"'


def read(path: Path, app: App | None = None, seed: int | None = None) -> FaultPlan:
    """Return the plan of a file. Its names are held against the application, where one is given.

    ``seed`` takes the place of the file's; where neither names one, it is chosen by chance. Raises ConfigurationError
    with everything that is wrong in the file, each with its line.
    """
    document = Document.open(path)
    root = document.root()
    own = root.integer("seed", -1)
    if own < 0:
        own = int.from_bytes(system_random().randbytes(4), "big")
        if type(root.get("seed")) is int:
            root.note("seed", "it is negative", "write an integer from 0 on, or leave it out")
    tables = root.table("faults")
    for name in tables:
        if not NAME.fullmatch(name):
            tables.note(name, f'"{name}" is no name for a fault', NAME_RULE)
    given = tables.values()
    faults = [_fault(name, table, app) for name, table in tables.tables() if isinstance(given[name], dict)]
    root.refuse_unknown()
    if "faults" not in root and not document.mistakes:  # an empty table is meant: nothing goes wrong yet
        root.note("faults", "there are none", "write [faults.NAME] with an edge and what goes wrong on it")
    refuse(document.mistakes)
    return FaultPlan(tuple(it for it in faults if it is not None), own if seed is None else seed)


def _fault(name: str, table: Table, app: App | None) -> Fault | None:
    what = _what(table)
    caller, service, method = _edge(table, app, of_bytes=isinstance(what, Slow))
    probability = _share(table)
    after, until = _duration(table, "after", 0.0), _duration(table, "until", math.inf)
    if after >= until:
        early = f"after {shown(until)}, before it begins" if after > until else "when it begins,"
        table.note("until", f"it ends {early} after {shown(after)}", "write a later time")
        until = math.inf
    if isinstance(what, Slow) and method != ANY:
        table.note("edge", "bytes belong to a connection, over which all methods are called", "take the method out")
        method = ANY
    for key in table:
        if key not in _KEYS:
            table.note(key, "there is no such key", meant(key, _KEYS, "keys"))
    return None if what is None else Fault(name, what, caller, service, method, probability, after, until)


def _edge(table: Table, app: App | None, *, of_bytes: bool) -> tuple[str, str, str]:
    written = table.text("edge", "* -> *")
    found = _EDGE.fullmatch(written)
    if found is None:
        table.note("edge", f'"{written}" is no edge', _EXAMPLE)
        return ANY, ANY, ANY
    caller, service, method = found[1], found[2], found[3] or ANY
    if service == ANY and method != ANY:
        table.note("edge", "a method is one of a service", _EXAMPLE)
    elif app is not None:
        _check(table, app, caller, service, "" if of_bytes else method)
    return caller, service, method


def _check(table: Table, app: App, caller: str, service: str, method: str) -> None:
    """Hold the names of an edge against the application; without a method, it leads from process to process."""
    contracts = {name: contract for contract, name in app.kept_by.items()}
    processes = {process.name for topology in app.topologies.values() for process in topology.processes}
    processes |= {*contracts, *_ALWAYS}
    callers = sorted(processes)
    if caller != ANY and caller not in callers:
        table.note("edge", f'there is no service or process "{caller}"', meant(caller, callers, "callers"))
    if service == ANY:
        return
    if not method:
        if service not in processes:
            table.note("edge", f'there is no process "{service}"', meant(service, callers, "processes"))
    elif service not in contracts:
        table.note("edge", f'there is no service "{service}"', meant(service, contracts, "services"))
    elif method != ANY and method not in (known := operations(contracts[service])):
        problem = f'{contracts[service].__name__} has no method "{method}"'
        table.note("edge", problem, meant(method, known, "methods"))
    elif (called := _called(app, caller)) is not None and service not in called:
        advice = f"it calls {', '.join(sorted(called))}" if called else "it calls no service"
        table.note("edge", f"{caller} does not call {service}, so that nothing would go wrong", advice)


def _called(app: App, caller: str) -> set[str] | None:
    """Return the services that a service or a process calls; None if it may be any, as for a gateway or a test."""
    processes = [it for topology in app.topologies.values() for it in topology.processes if it.name == caller]
    names = {name for process in processes for name in process.services} | {caller} & app.services.keys()
    if not names or any(process.gateway for process in processes) or not names <= app.services.keys():
        return None
    return {callee for name in names for callee in app.services[name].calls.values()}


def _what(table: Table) -> What | None:
    given = [key for key in _KINDS if key in table]
    if len(given) != 1:
        problem = "it says twice what goes wrong" if given else "it does not say what goes wrong"
        if given or all(key in _KEYS for key in table):  # otherwise it does, and is misspelt
            table.note(given[1] if given else "", problem, f"give it one of {', '.join(_KINDS)}")
        return None
    for key, kinds in _PARTS.items():
        if key in table and given[0] not in kinds:
            table.note(key, f"it belongs to {' and '.join(kinds)}, and says nothing of {given[0]}", "take it out")
    match given[0]:
        case "latency":
            return Latency(_duration(table, "latency", 0.0), _duration(table, "spread", 0.0))
        case "error":
            return _failure(table)
        case "refuse":
            return Refusal() if _true(table, "refuse") else None
        case "drop":
            return Drop(_happened(table)) if _true(table, "drop") else None
        case "cut":
            if not _true(table, "cut"):
                return None
            return Cut(_duration(table, "within", Cut().within))
        case _:
            return _slow(table)


def _failure(table: Table) -> Failure | None:
    name = table.text("error")
    happened = _happened(table)
    error = _ERRORS.get(name)
    if error is None:
        if name:
            table.note("error", f'"{name}" is no error of freestone.errors', meant(name, _ERRORS, "errors"))
        return None
    if happened and issubclass(error, DidNotHappen):
        table.note("happened", f"{name} says that it did not", "name an error that says that it may have happened")
    return Failure(error, happened)


def _slow(table: Table) -> Slow | None:
    if not isinstance(table.get("slow"), dict):
        table.note("slow", "it must be a table, which says how slow", 'write slow = { bytes = 100, pause = "10ms" }')
        return None
    table = table.table("slow")
    piece, pause = table.integer("bytes", 1), _duration(table, "pause", 0.0)
    if piece < 1:
        table.note("bytes", "it is less than one, so that nothing would ever arrive")
    table.refuse_unknown()
    return Slow(piece, pause)


def _true(table: Table, key: str) -> bool:
    if table.get(key) is True:
        return True
    table.note(key, "it must be true", f"write {key} = true, or take the fault out")
    return False


def _happened(table: Table) -> bool | None:
    happened = table.flag("happened")
    return happened if "happened" in table else None


def _share(table: Table) -> float:
    value = table.get("probability")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        table.note("probability", "it must be a number from 0 to 1")
        return 1.0
    return float(value)


def _duration(table: Table, key: str, default: float) -> float:
    value = table.get(key)
    if value is None:
        return default
    try:
        return seconds(value)
    except ValueError as error:
        table.note(key, str(error))
        return default


def written(plan: FaultPlan) -> str:
    """Return a plan as a file has it."""
    lines = [f"seed = {plan.seed}", "", "[faults]"]
    for fault in plan.faults:
        callee = fault.service if fault.method == ANY else f"{fault.service}.{fault.method}"
        lines += [
            "",
            f"[faults.{fault.name}]",
            f'edge = "{fault.caller} -> {callee}"',
            *_written(fault.what),
        ]
        lines.append(f"probability = {fault.probability!r}")
        lines.append(f"after = {fault.after!r}")
        if fault.until != math.inf:
            lines.append(f"until = {fault.until!r}")
    return "\n".join(lines) + "\n"


def _written(what: What) -> Sequence[str]:
    match what:
        case Latency(seconds, spread):
            return f"latency = {seconds!r}", f"spread = {spread!r}"
        case Failure(error, happened):
            return f'error = "{error.__name__}"', *_of_happened(happened)
        case Refusal():
            return ("refuse = true",)
        case Drop(happened):
            return "drop = true", *_of_happened(happened)
        case Cut(within):
            return "cut = true", f"within = {within!r}"
        case Slow(piece, pause):
            return (f"slow = {{ bytes = {piece}, pause = {pause!r} }}",)


def _of_happened(happened: bool | None) -> Sequence[str]:
    return () if happened is None else (f"happened = {str(happened).lower()}",)
