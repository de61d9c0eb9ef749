"""Which events a contract has, and what they are called."""

from __future__ import annotations

import pytest

from freestone.contract import Contract, Event, contract_of_event, events_of, type_name
from freestone.errors import DeclarationError


class Started(Event, key="learner"):
    learner: str


class Progress(Contract):
    """How far each learner is."""


class Completed(Event, key="learner", version=2):
    learner: str


class CompletedBefore(Event, key="learner", name="Completed"):
    learner: str


def test_an_event_belongs_to_the_contract_of_its_module() -> None:
    """Whether it stands before or after it."""
    assert contract_of_event(Started) is Progress
    assert contract_of_event(Completed) is Progress


def test_a_contract_has_the_events_of_its_module_in_their_order() -> None:
    """Several versions of one are several classes of one name."""
    assert events_of(Progress) == (Started, Completed, CompletedBefore)


def test_an_event_in_the_body_of_a_contract_belongs_to_it() -> None:
    """So one module can have several contracts with events."""

    class Orders(Contract):
        class Placed(Event, key="order"):
            order: str

    class Payments(Contract):
        class Paid(Event, key="order"):
            order: str

    assert contract_of_event(Orders.Placed) is Orders
    assert contract_of_event(Payments.Paid) is Payments
    assert events_of(Orders) == (Orders.Placed,)
    assert events_of(Payments) == (Payments.Paid,)


def test_an_event_beside_two_contracts_is_refused() -> None:
    """It may belong to either; the mistake says where it is, and what to do."""

    class Orders(Contract):
        """One."""

    class Payments(Contract):
        """Two."""

    class Paid(Event, key="order"):
        order: str

    with pytest.raises(
        DeclarationError, match="Paid: it is declared beside Orders and Payments, and may belong to"
    ) as caught:
        contract_of_event(Paid)
    assert caught.value.mistakes[0].file == __file__
    assert "declare it in the body of its contract" in str(caught.value)
    assert events_of(Orders) == () == events_of(Payments)


def test_an_event_beside_no_contract_is_refused() -> None:
    """Nobody could tell who announces it."""

    class Alone(Event, key="order"):
        order: str

    with pytest.raises(DeclarationError, match="Alone: no contract is declared beside it; declare it in the module of"):
        contract_of_event(Alone)


def test_a_class_that_is_declared_again_takes_the_place_of_the_one_before() -> None:
    """As in a module that is imported anew."""

    def declare() -> tuple[type[Contract], type[Event]]:
        class Orders(Contract):
            """The same name each time."""

        class Placed(Event, key="order"):
            order: str

        return Orders, Placed

    before = declare()
    contract, event = declare()
    assert events_of(contract) == (event,)
    assert contract_of_event(event) is contract is not before[0]


def test_two_events_of_one_name_and_version_are_refused() -> None:
    """One in the module and one in the body, too."""

    class Placed(Event, key="order"):
        order: str

    class Orders(Contract):
        class Placed(Event, key="order"):
            order: str

    assert contract_of_event(Placed) is Orders
    with pytest.raises(DeclarationError, match=r"Placed: .*Placed has the name Placed already; give one of them"):
        events_of(Orders)


def test_the_type_of_an_event_begins_with_the_service_that_announces_it() -> None:
    """The name is that of the service in the application, not that of the contract."""
    assert type_name("progress", Started) == "progress.Started"
    assert type_name("progress", CompletedBefore) == "progress.Completed"
