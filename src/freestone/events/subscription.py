"""A method of a service that hears an event: how it is declared, and what is wrong with its declaration.

    @service
    class EnrolmentService(Enrolments):
        db: Database

        @subscribe(PathRetired, start="beginning")
        async def close_enrolments(self, event: PathRetired) -> None: ...

A service *is subscribed* under the method's name, or the one that ``name=`` gives. Its position in the log, what it has
handled and what it has set aside are kept under that name, so it is the name that must not change.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from types import FunctionType
from typing import Any, Final, Literal, TypeVar, cast, final, get_args

import msgspec

from freestone.contract import (
    Event,
    Report,
    Unresolved,
    class_place,
    contract_of_event,
    contracts_of,
    function_annotations,
    function_place,
    operations,
    seconds,
    type_text,
)
from freestone.errors import DeclarationError
from freestone.service import leave_mark, marked, marks_on

E = TypeVar("E", bound=Event)
S = TypeVar("S")

Start = Literal["now", "beginning"]
OnFailure = Literal["wait", "skip"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_HOOKS = ("start", "stop")
_MOST_TRIES: Final = 100
_MOST_AT_ONCE: Final = 1000


@final
class Subscription(msgspec.Struct, frozen=True):
    """What a service hears, and how. ``subscriptions`` lists those of a service."""

    event: type[Event]
    name: str
    """What its position is kept under; the method's name by default."""
    method: str
    start: Start = "now"
    """Where it begins when it is new: with what is published from then on, or with the oldest that the log has."""
    tries: int = 8
    """How often an event is tried before it is set aside."""
    backoff: float = 1.0
    """Seconds before the second try, more or less; each further wait is twice as long, up to five minutes."""
    deadline: float = 30.0
    """Seconds that the handler may take."""
    on_failure: OnFailure = "wait"
    """What the later events of a key do when one of them is set aside: they wait for it, or they are handled."""
    concurrency: int = 16
    """How many events, of different keys, are handled at a time in a process."""


def subscribe(
    event: type[E],
    /,
    *,
    start: Start = "now",
    name: str = "",
    tries: int = 8,
    backoff: float | str = "1s",
    deadline: float | str = "30s",
    on_failure: OnFailure = "wait",
    concurrency: int = 16,
) -> Callable[[Callable[[S, E], Awaitable[None]]], Callable[[S, E], Awaitable[None]]]:
    """Have a method of a service called with each event of a kind, once in effect, in one transaction.

    Events of one key are handled in their order, those of different keys at the same time. A handler that raises
    writes nothing, and is tried again, ``tries`` times in all, after ``backoff``, twice that, and so on; then the event
    is set aside with its error, as it is at once if the handler raises ``errors.Reject``. Until somebody retries or
    drops it, the later events of its key wait; with ``on_failure="skip"`` they do not. Durations are seconds,
    or text such as ``"30s"``.

    ``start`` matters only when the service hears under this name for the first time. Mistakes are reported by
    ``@service``, with all others of the class.

    >>> from freestone import Contract
    >>> class Paths(Contract):
    ...     class Retired(Event, key="path"):
    ...         path: str
    >>> class EnrolmentService:
    ...     @subscribe(Paths.Retired, tries=3)
    ...     async def close_enrolments(self, event: Paths.Retired) -> None: ...
    """
    given: dict[str, Any] = {
        "start": start, "name": name, "tries": tries, "backoff": backoff, "deadline": deadline,
        "on_failure": on_failure, "concurrency": concurrency,
    }  # fmt: skip
    subscribing: Any = _Subscribing(event, given)
    return cast(Callable[[Callable[[S, E], Awaitable[None]]], Callable[[S, E], Awaitable[None]]], subscribing)


def subscriptions(service: type) -> tuple[Subscription, ...]:
    """Return what a service is subscribed to, in the order of its methods.

    >>> subscriptions(int)
    ()
    """
    return tuple(mark.subscription(name) for name, mark in marked(service, _Subscribing))


@final
class _Subscribing:
    """The mark that the decorator leaves on a method. In the place of a method, it was never given one."""

    def __init__(self, event: Any, given: Mapping[str, Any]) -> None:
        self.event = event
        self.given = given
        leave_mark(self, self)

    def __call__(self, method: Any) -> Any:
        leave_mark(method, self)
        return method

    def subscription(self, method: str) -> Subscription:
        """Return what was declared, of a declaration without mistakes."""
        given = self.given
        return Subscription(
            event=self.event, name=given["name"] or method, method=method, start=given["start"], tries=given["tries"],
            backoff=seconds(given["backoff"]), deadline=seconds(given["deadline"]), on_failure=given["on_failure"],
            concurrency=given["concurrency"],
        )  # fmt: skip

    def check(self, cls: type, attribute: Any, name: str, scope: Mapping[str, Any], report: Report) -> None:
        _Check(self, cls, name, attribute, scope, report).run()


def _takes(annotated: Any, event: type) -> bool:
    """Whether a parameter with that annotation takes the event."""
    return annotated is Any or (isinstance(annotated, type) and issubclass(event, annotated))


class _Check:
    """One method that is subscribed, against what a subscription must be."""

    def __init__(
        self, mark: _Subscribing, cls: type, name: str, method: Any, scope: Mapping[str, Any], report: Report
    ) -> None:
        self._mark = mark
        self._cls = cls
        self._name = name
        self._method = method
        self._scope = scope
        self._report = report

    def run(self) -> None:
        if self._event():
            self._signature()
        self._place()
        self._options()

    def _mistake(self, what: str, problem: str, advice: str, part: str = "") -> None:
        if isinstance(self._method, FunctionType):
            place = functools.partial(function_place, self._method, part)
        else:
            place = functools.partial(class_place, self._cls, self._name)
        self._report.add(f"{self._cls.__name__}.{self._name}{what}", problem, advice, place)

    def _event(self) -> bool:
        """Check what is subscribed to; whether it is an event, and the method is one."""
        event = self._mark.event
        if not isinstance(self._method, FunctionType):
            if isinstance(event, FunctionType):
                self._mistake("", "it names no event", f"say @subscribe(EventType) above {event.__name__}")
            else:
                self._mistake("", "only a method hears an event", "decorate an async def")
            return False
        if not isinstance(event, type) or not issubclass(event, Event) or event is Event:
            self._mistake("", f"{type_text(event)} is no event", "name a class that derives from Event")
            return False
        try:
            contract_of_event(event)
        except DeclarationError as error:
            self._mistake("", f"{event.__name__}: {error.mistakes[0].problem}", error.mistakes[0].advice)
        return True

    def _signature(self) -> None:
        event, method = self._mark.event, self._method
        header = f"async def {self._name}(self, event: {event.__name__})"
        if not inspect.iscoroutinefunction(method):
            self._mistake("", "it is not async", f"say {header}")
        parameters = list(inspect.signature(method).parameters.values())[1:]
        needed = [it for it in parameters if it.default is it.empty and it.kind is not it.VAR_KEYWORD]
        if not parameters or len(needed) > 1 or parameters[0].kind is parameters[0].KEYWORD_ONLY:
            self._mistake("", "it is given the event, and nothing else", f"say {header}")
            return
        first = parameters[0].name
        annotated = function_annotations(method, self._scope).get(first, event)
        if isinstance(annotated, Unresolved):
            self._mistake(
                f", parameter {first}: {annotated.text}", f"it has no meaning here: {annotated.problem}",
                "import it, or leave the annotation out", first,
            )  # fmt: skip
        elif not _takes(annotated, event):
            self._mistake(
                f", parameter {first}: {type_text(annotated)}", f"it is subscribed to {event.__name__}",
                "say the same here", first,
            )  # fmt: skip

    def _place(self) -> None:
        """Check that the method is nothing else besides, and is subscribed once."""
        for contract in contracts_of(self._cls):
            if self._name in operations(contract):
                self._mistake(
                    "", f"it is an operation of {contract.__name__}, and can't be subscribed as well",
                    "write a method for the event, which calls it",
                )  # fmt: skip
        if self._name in _HOOKS:
            self._mistake("", "the host calls it when the service starts or stops", "give it another name")
        if self._mark is not marks_on(self._method)[0]:
            self._mistake("", "it is subscribed twice, or is called by a schedule too", "write two methods")

    def _options(self) -> None:
        given = self._mark.given
        called = given["name"] or self._name
        if not isinstance(called, str) or not _NAME.fullmatch(called):
            self._mistake("", f"{called!r} is no name", "use up to 100 letters, digits, dots, - and _")
        for other, mark in marked(self._cls, _Subscribing):
            if other == self._name:
                break
            if (mark.given["name"] or other) == called:
                self._mistake("", f'{other} is subscribed as "{called}" already', 'give one of them another name="…"')
        for option, kind in (("start", Start), ("on_failure", OnFailure)):
            if given[option] not in get_args(kind):
                self._mistake("", f"{option}={given[option]!r}", f"say {' or '.join(map(repr, get_args(kind)))}")
        for option, most in (("tries", _MOST_TRIES), ("concurrency", _MOST_AT_ONCE)):
            if not isinstance(given[option], int) or not 1 <= given[option] <= most:
                self._mistake("", f"{option}={given[option]!r}", f"say a number from 1 to {most}")
        for option in ("backoff", "deadline"):
            try:
                if seconds(given[option]) == 0:
                    raise ValueError("it must be longer than that")
            except ValueError as error:
                self._mistake("", f"{option}={given[option]!r}: {error}", 'say "30s", or a number of seconds')
