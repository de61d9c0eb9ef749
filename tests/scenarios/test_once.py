"""A command takes effect once when its process is killed: after the effect, before the answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from freestone import deadline, errors, keyed
from freestone.app import load
from freestone.signals import SIGNALS, CallRepeated, Signal
from freestone.testing import Processes, processes

FILE = """
name = "bank"

[services]
ledger  = "bank:LedgerService"
clerk   = "bank:ClerkService"
counter = "bank:CounterService"
"""

CODE = '''
import os
import signal
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from freestone import Contract, Database, command, current, errors, query, service


class Base(DeclarativeBase):
    pass


class PaymentRow(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    payee: Mapped[str]
    amount: Mapped[int]


def die(where: str) -> None:
    """End the process as a crash does, the first time."""
    mark = Path(os.environ["BANK"], where)
    if not mark.exists():
        mark.write_text("dead")
        os.kill(os.getpid(), signal.SIGKILL)


class Ledger(Contract):
    @command
    async def pay(self, payee: str, amount: int, die_at: str = "") -> int:
        """Return the number of the payment."""

    @query
    async def payments(self) -> tuple[str, ...]:
        """Return who was paid."""


class Clerk(Contract):
    @command
    async def settle(self, payee: str, amount: int, die_at: str = "") -> int:
        """Pay, and note that it is done."""

    @query
    async def notes(self) -> int:
        """Return how many are noted."""


class Counter(Contract):
    @command
    async def count(self) -> int:
        """Has no database, so it keeps nothing."""


class Tables:
    db: Database

    async def start(self) -> None:
        async with self.db.transaction() as transaction:
            await transaction.run(
                lambda it: it.run_sync(lambda session: Base.metadata.create_all(session.connection()))
            )

    async def add(self, payee: str, amount: int) -> int:
        number = (await self.db.scalar(select(func.count()).select_from(PaymentRow)) or 0) + 1
        self.db.add(PaymentRow(id=number, payee=payee, amount=amount))
        return number


@service
class LedgerService(Ledger, Tables):
    db: Database

    async def pay(self, payee, amount, die_at=""):
        number = await self.add(payee, amount)
        if amount < 0:
            raise errors.FailedPrecondition(f"{payee} is number {number}, and owes")
        transaction = self.db.current()
        if die_at == "before":
            async def last(_):
                die(f"{payee} before")
            transaction.before_commit(last)
        if die_at == "after":
            transaction.after_commit(lambda: die(f"{payee} after"))
        return number

    async def payments(self):
        return tuple(await self.db.scalars(select(PaymentRow.payee).order_by(PaymentRow.id)))


@service
class ClerkService(Clerk, Tables):
    db: Database
    ledger: Ledger

    async def settle(self, payee, amount, die_at=""):
        number = await self.ledger.pay(payee, amount)
        if die_at:
            die(f"clerk {payee}")
        await self.add(payee, amount)
        return number

    async def notes(self):
        return await self.db.scalar(select(func.count()).select_from(PaymentRow)) or 0


@service
class CounterService(Counter):
    async def count(self):
        with open(Path(os.environ["BANK"], "counted"), "a") as file:
            file.write("x")
        die("counter")
        return 1
'''


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    directory = tmp_path_factory.mktemp("bank")
    (directory / "bank.py").write_text(CODE)
    (directory / "freestone.toml").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANK", str(directory))
        patch.setattr(sys, "path", list(sys.path))
        async with processes(load(directory / "freestone.toml"), "cut-everywhere", directory / "home") as it:
            yield it
    sys.modules.pop("bank", None)


def kept(bank: Processes, name: str) -> type:
    for spec in bank.app.services.values():
        if spec.contract.__name__ == name:
            return spec.contract
    raise LookupError(name)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("die_at", ["before", "after"])
async def test_p29_a_command_whose_process_is_killed_takes_effect_once(bank: Processes, die_at: str) -> None:
    """It is sent again by itself, whether its effect was there already or not, and its caller notices nothing."""
    ledger = bank.client(kept(bank, "Ledger"))
    repeated: list[CallRepeated] = []

    def observe(signal: Signal) -> None:
        if isinstance(signal, CallRepeated):
            repeated.append(signal)

    SIGNALS.subscribe(observe)
    try:
        async with deadline(60):
            number = await ledger.pay(die_at, 7, die_at)  # type: ignore[attr-defined]
            payments = await ledger.payments()  # type: ignore[attr-defined]
    finally:
        SIGNALS.unsubscribe(observe)
    assert payments.count(die_at) == 1
    assert payments[number - 1] == die_at
    assert any(isinstance(it.error, errors.ConnectionLost) for it in repeated)
    assert Path(bank.app.directory, f"{die_at} {die_at}").exists()


async def test_p24_a_repeated_handler_repeats_what_it_had_done_at_others(bank: Processes) -> None:
    """It was killed after another service had done its part: with a derived key, that is done once."""
    ledger, clerk = bank.client(kept(bank, "Ledger")), bank.client(kept(bank, "Clerk"))
    async with deadline(60):
        number = await clerk.settle("ada", 7, "now")  # type: ignore[attr-defined]
        payments = await ledger.payments()  # type: ignore[attr-defined]
        assert payments.count("ada") == 1
        assert payments[number - 1] == "ada"
        assert await clerk.notes() == 1  # type: ignore[attr-defined]
    assert Path(bank.app.directory, "clerk ada").exists()


async def test_p24_an_answer_that_was_lost_is_had_under_the_same_key(bank: Processes) -> None:
    """Whoever gave up waiting asks again, much later, and learns what it came to."""
    ledger = bank.client(kept(bank, "Ledger"))
    async with deadline(60):
        with keyed("invoice-17"):
            first = asyncio.ensure_future(ledger.pay("bob", 7))  # type: ignore[attr-defined]
            await ledger.payments()  # type: ignore[attr-defined]  # so it was sent
            first.cancel()
            number = await ledger.pay("bob", 7)  # type: ignore[attr-defined]
            with pytest.raises(errors.KeyReused):
                await ledger.pay("bob", 8)  # type: ignore[attr-defined]
        payments = await ledger.payments()  # type: ignore[attr-defined]
    assert payments.count("bob") == 1
    assert payments[number - 1] == "bob"


async def test_a_refusal_is_kept_by_all_replicas_to_come(bank: Processes) -> None:
    ledger = bank.client(kept(bank, "Ledger"))
    async with deadline(60):
        with keyed("invoice-18"), pytest.raises(errors.FailedPrecondition) as first:
            await ledger.pay("eve", -1)  # type: ignore[attr-defined]
        await ledger.pay("dan", 1, "after")  # type: ignore[attr-defined]  # which kills the process
        with keyed("invoice-18"), pytest.raises(errors.FailedPrecondition) as second:
            await ledger.pay("eve", -1)  # type: ignore[attr-defined]
    assert str(second.value) == str(first.value)


async def test_a_command_of_a_service_that_keeps_nothing_is_not_repeated(bank: Processes) -> None:
    """Nobody could know whether it had its effect."""
    counter = bank.client(kept(bank, "Counter"))
    async with deadline(60):
        with pytest.raises(errors.ConnectionLost):
            await counter.count()  # type: ignore[attr-defined]
    assert Path(bank.app.directory, "counted").read_text() == "x"
