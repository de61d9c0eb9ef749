"""Schedules, as they are declared on methods of a service."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from types import FunctionType
from typing import Any, TypeVar, cast, final

import msgspec

from freestone.contract import (
    Report,
    Unresolved,
    class_place,
    contracts_of,
    function_annotations,
    function_place,
    operations,
    seconds,
    shown,
    type_text,
)
from freestone.service import leave_mark, marked

from . import timetable
from .due import MISSED, Missed
from .timetable import Cron, Misread, Timetable, shortest_step

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, None]])

DEADLINE = 60.0
"""Seconds that a run may take, where its declaration does not say."""
LONGEST_NAME = 100


def every(
    step: str | float,
    *,
    missed: Missed = "once",
    deadline: str | float = DEADLINE,
    jitter: str | float = 0,
    name: str | None = None,
) -> Callable[[F], F]:
    """Have a method of a service called in equal steps, once a tick over all replicas.

    ``step`` is a whole number of seconds, as ``"30s"``, ``"5m"``, ``"1d"``. Ticks are counted from 1970 in UTC, not
    from the start of a process. ``missed`` is what becomes of ticks at whose time no replica ran: ``"once"`` (the
    latest stands for all), ``"skip"``, or ``"all"``. A run that has not ended after ``deadline`` is cancelled, and
    tried again. ``jitter`` is the most by which a run is put off, so that many schedules of one time do not begin
    together. The schedule is known by ``name``, by default the method's: say the old one when the method is renamed.

    The method takes nothing, or the time of the tick. It is run as a command is: one transaction, which settles the
    tick as well.

    >>> class ProgressService:
    ...     @every("5m")
    ...     async def close_idle_sessions(self): ...
    """

    def declare(method: F) -> F:
        leave_mark(method, _Declared(functools.partial(timetable.every, step), missed, deadline, jitter, name))
        return method

    return declare


def cron(
    expression: str,
    *,
    tz: str = "UTC",
    missed: Missed = "once",
    deadline: str | float = DEADLINE,
    jitter: str | float = 0,
    name: str | None = None,
) -> Callable[[F], F]:
    """Have a method of a service called at the times of a cron expression, once a tick over all replicas.

    ``expression`` has five fields: minute, hour, day of the month, month, weekday. ``tz`` is the time zone whose clocks
    it goes by, as ``"Europe/Berlin"``. A time that those clocks skip in spring is run right after the gap; one that
    they show twice in autumn is run at its first showing. The rest is as with ``every``. Needs
    ``pip install "freestone[schedules]"``.

    >>> class ProgressService:
    ...     @cron("0 6 * * 1", tz="Europe/Berlin", deadline="10m")
    ...     async def send_weekly_letters(self, tick): ...
    """

    def declare(method: F) -> F:
        leave_mark(method, _Declared(functools.partial(timetable.cron, expression, tz), missed, deadline, jitter, name))
        return method

    return declare


@final
class Schedule(msgspec.Struct, frozen=True):
    """A schedule of a service, checked."""

    name: str
    """By which its ticks are known in the service's database."""
    method: str
    """The name of the method that it calls."""
    takes_tick: bool
    """Whether the method takes the time of the tick."""
    timetable: Timetable
    missed: Missed
    deadline: float
    """Seconds that a run may take."""
    jitter: float
    """Seconds by which a run is put off at most."""

    def shown_tick(self, tick: datetime) -> datetime:
        """Return a tick as the method gets it: by the clocks of its time zone."""
        return tick.astimezone(self.timetable.zone) if isinstance(self.timetable, Cron) else tick


def schedules(cls: type) -> tuple[Schedule, ...]:
    """Return the schedules of a service, in the order in which they are declared."""
    return tuple(mark.schedule(name, getattr(cls, name)) for name, mark in marked(cls, _Declared))


@final
class _Declared:
    """What a decorator was given. It is read when the class is made, so that mistakes come together."""

    def __init__(
        self,
        read: Callable[[], Timetable],
        missed: object,
        deadline: object,
        jitter: object,
        name: object,
    ) -> None:
        self._read = read
        self._missed = missed
        self._deadline = deadline
        self._jitter = jitter
        self._name = name

    def schedule(self, method: str, function: Any) -> Schedule:
        """Return what was declared. ``check`` has found nothing wrong with it."""
        return Schedule(
            name=self.name(method), method=method, takes_tick=len(_parameters(function)) == 1, timetable=self._read(),
            missed=cast(Missed, self._missed), deadline=seconds(self._deadline), jitter=seconds(self._jitter),
        )  # fmt: skip

    def name(self, method: str) -> str:
        """Return by which name its ticks are known."""
        return method if self._name is None else str(self._name)

    def check(self, cls: type, attribute: Any, name: str, scope: Mapping[str, Any], report: Report) -> None:
        """Report what is wrong."""
        title = f"{cls.__name__}.{name}"
        if not isinstance(attribute, FunctionType):
            place = functools.partial(class_place, cls, name)
            report.add(title, "a schedule calls a method", f"say async def {name}(self)", place)
            return
        place = functools.partial(function_place, attribute)

        def complain(problem: str, advice: str) -> None:
            report.add(title, problem, advice, place)

        self._check_method(cls, attribute, name, complain)
        self._check_parameters(attribute, scope, complain)
        self._check_options(complain)
        try:
            table = self._read()
        except Misread as error:
            complain(error.problem, error.advice)
        else:
            self._check_jitter(table, complain)
        others = [other for other, mark in marked(cls, _Declared) if mark.name(other) == self.name(name)]
        if others[0] != name:
            complain(f'{others[0]} is a schedule named "{self.name(name)}" already', "give one of them another name")

    def _check_method(self, cls: type, function: FunctionType, name: str, complain: _Complain) -> None:
        if not inspect.iscoroutinefunction(function):
            complain("it is not async", f"say async def {name}(self)")
        if any(name in operations(contract) for contract in contracts_of(cls)):
            complain("it is an operation of the contract", "schedule a method of its own that calls it")
        if next(mark for other, mark in marked(cls, _Declared) if other == name) is not self:
            complain("it has a schedule already", "write a second method that calls the first")

    def _check_parameters(self, function: FunctionType, scope: Mapping[str, Any], complain: _Complain) -> None:
        parameters = _parameters(function)
        if len(parameters) > 1:
            complain("a schedule gives the time of the tick, and nothing else", "take (self), or (self, tick)")
            return
        for parameter in parameters:
            declared = function_annotations(function, scope).get(parameter.name, datetime)
            written = declared.text if isinstance(declared, Unresolved) else type_text(declared)
            if declared is not datetime:
                complain(f"its parameter {parameter.name} is the time of the tick, not {written}", "say datetime")

    def _check_options(self, complain: _Complain) -> None:
        if self._missed not in MISSED:
            complain(f"missed={self._missed!r} is unknown", f"say one of {', '.join(map(repr, MISSED))}")
        for option, value, least in (("deadline", self._deadline, True), ("jitter", self._jitter, False)):
            try:
                if seconds(value) == 0 and least:
                    complain(f"{option}={value!r} leaves no time", 'say how long a run may take, as "10m"')
            except ValueError:
                complain(f"{option}={value!r} is no duration", 'say "30s", "10m", or a number of seconds')
        if self._name is not None and not _is_name(self._name):
            complain(f"name={self._name!r} is no name", f"use 1 to {LONGEST_NAME} printable characters of ASCII")

    def _check_jitter(self, table: Timetable, complain: _Complain) -> None:
        shortest = shortest_step(table)
        with contextlib.suppress(ValueError):
            if seconds(self._jitter) >= shortest:
                complain(
                    f"jitter={self._jitter!r} reaches the next tick, {shown(shortest)} later", "say less than that"
                )


_Complain = Callable[[str, str], None]


def _parameters(function: Any) -> Sequence[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())[1:]


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isascii() and name.isprintable()
