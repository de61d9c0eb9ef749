"""The events of a contract: those that are declared in its module, or in its body.

The contract says what a service announces, as its operations say what it answers. A module with several contracts
has their events in their bodies::

    class Orders(Contract):
        class Placed(Event, key="order"):
            order: str
"""

from __future__ import annotations

import functools

from .contract import Contract
from .message import Event
from .place import class_place
from .report import Report
from .scope import CONTRACTS, EVENTS, found, inside, scope_of


def contract_of_event(event: type[Event]) -> type[Contract]:
    """Return the contract that an event belongs to. Raises DeclarationError if none, or more than one, is around it.

    >>> class Payments(Contract):
    ...     class Paid(Event, key="order"):
    ...         order: str
    >>> contract_of_event(Payments.Paid).__name__
    'Payments'
    """
    scope = scope_of(event)
    module, around = scope
    owners = [it for it in found((module, around.rpartition(".")[0]), CONTRACTS) if it.__qualname__ == around]
    beside: list[type[Contract]] = owners or found(scope, CONTRACTS)
    if len(beside) == 1:
        return beside[0]
    report = Report()
    place = functools.partial(class_place, event)
    if beside:
        names = " and ".join(contract.__name__ for contract in beside)
        problem = f"it is declared beside {names}, and may belong to either"
        advice = "declare it in the body of its contract, or give the contract a module of its own"
    else:
        problem = "no contract is declared beside it"
        advice = "declare it in the module of the contract that it belongs to"
    report.add(event.__name__, problem, advice, place)
    report.raise_if_any()
    raise AssertionError("unreachable")


def events_of(contract: type[Contract]) -> tuple[type[Event], ...]:
    """Return the events of a contract, in the order in which they are declared.

    Several versions of one event are several. Raises DeclarationError if two have one name and one version.
    """
    scope = scope_of(contract)
    alone = found(scope, CONTRACTS) == [contract]
    events: list[type[Event]] = [*(found(scope, EVENTS) if alone else ()), *found(inside(contract), EVENTS)]
    report = Report()
    known: dict[tuple[str, int], type[Event]] = {}
    for event in events:
        other = known.setdefault((event.__event_name__, event.__event_version__), event)
        if other is not event:
            report.add(
                event.__name__, f"{other.__qualname__} has the name {event.__event_name__} already",
                "give one of them another name, or another version", functools.partial(class_place, event),
            )  # fmt: skip
    report.raise_if_any()
    return tuple(events)


def type_name(service: str, event: type[Event]) -> str:
    """Return what an event is called between services: the name of the one that announces it, and its own.

    >>> class Refunds(Contract):
    ...     class Refunded(Event, key="order", name="Returned"):
    ...         order: str
    >>> type_name("refunds", Refunds.Refunded)
    'refunds.Returned'
    """
    return f"{service}.{event.__event_name__}"
