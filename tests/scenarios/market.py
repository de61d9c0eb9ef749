"""Two applications: a shop that announces its orders, and a bank that hears of them and knows only the contract."""

from __future__ import annotations

from pathlib import Path

CONTRACT = '''
from freestone import Contract, Event, command


class Orders(Contract):
    """What was ordered."""

    class Ordered(Event, key="customer"):
        customer: str
        number: int

    @command
    async def order(self, customer: str, number: int) -> None:
        """Order something."""
'''

SHOP = """
from freestone import Publisher, service

from market_orders import Orders


@service
class OrdersService(Orders):
    events: Publisher

    async def order(self, customer, number):
        await self.events.send(Orders.Ordered(customer, number))
"""

LEDGER = '''
from sqlalchemy import text

from freestone import Contract, Database, query, service
from freestone.events import subscribe

from market_orders import Orders


class Ledger(Contract):
    """Who ordered what, as it was heard."""

    @query
    async def entries(self) -> tuple[tuple[str, int], ...]:
        """Return the entries in the order in which they were made."""


@service
class LedgerService(Ledger):
    db: Database

    async def start(self):
        async with self.db.transaction():
            await self.db.execute(
                text("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, customer TEXT, number INTEGER)")
            )

    async def entries(self):
        rows = await self.db.execute(text("SELECT customer, number FROM entry ORDER BY id"))
        return tuple((row.customer, row.number) for row in rows)

    @subscribe(Orders.Ordered, start="beginning")
    async def enter(self, event: Orders.Ordered) -> None:
        await self.db.execute(
            text("INSERT INTO entry (customer, number) VALUES (:customer, :number)"),
            {"customer": event.customer, "number": event.number},
        )
'''

SHOP_FILE = """
name = "shop"

[services]
orders = "market_shop:OrdersService"

[events]
broker = "nats"
{events}
[nats]
url = {urls}
"""

BANK_FILE = """
name = "bank"

[services]
orders = {{ contract = "market_orders:Orders", at = "tcp://127.0.0.1:9", application = "shop" }}
ledger = "market_ledger:LedgerService"

[events]
partitions = 4
{events}
[nats]
url = {urls}
"""

TOGETHER_FILE = """
name = "market"

[services]
orders = "market_shop:OrdersService"
ledger = "market_ledger:LedgerService"

[topologies.cut]
orders = {{ services = ["orders"] }}
ledger = {{ services = ["ledger"] }}

[events]
{events}
"""


def write(directory: Path, file: str, urls: tuple[str, ...] = (), events: str = "", **modules: str) -> Path:
    """Write an application with those modules beside the contract, and return its file."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "market_orders.py").write_text(CONTRACT, "utf-8")
    for name, source in modules.items():
        (directory / f"market_{name}.py").write_text(source, "utf-8")
    path = directory / "freestone.toml"
    path.write_text(file.format(urls=[*urls], events=events).replace("'", '"'), "utf-8")
    return path
