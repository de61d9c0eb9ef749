"""Where an application says that its services' databases are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from freestone.app import App, Environment, Host, load, monolith, plan, render, variables_of
from freestone.errors import ConfigurationError
from freestone.testing import Placement, PostgresServer, running

CODE = """
from sqlalchemy import text
from freestone import Contract, Database, command, query, service

class {name}(Contract):
    '''Keeps numbers.'''

    @command
    async def keep(self, number: int) -> None:
        '''Keep a number.'''

    @query
    async def total(self) -> int:
        '''Return their sum.'''

@service
class {name}Service({name}):
    db: Database

    async def start(self):
        async with self.db.transaction():
            await self.db.execute(text("CREATE TABLE IF NOT EXISTS number (number integer)"))

    async def keep(self, number):
        await self.db.execute(text("INSERT INTO number VALUES (:number)"), {{"number": number}})

    async def total(self):
        return int(await self.db.scalar(text("SELECT sum(number) FROM number")) or 0)
"""

TOML = """
name = "counting"
[services]
left-hand = "{module}:LeftService"
right     = "{module}:RightService"
[secrets]
directory = "secrets"
"""


@pytest.fixture
def loaded(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., App]:
    """Write an application of two services that have databases, and load it."""
    module = f"counting_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{module}.py").write_text(CODE.format(name="Left") + CODE.format(name="Right"))
    (tmp_path / "secrets").mkdir()

    def load_it(more: str = "", **variables: str) -> App:
        (tmp_path / "freestone.toml").write_text(TOML.format(module=module) + dedent(more))
        return load(tmp_path, variables=variables)

    return load_it


def urls(app: App) -> tuple[str, dict[str, str]]:
    shared = app.urls.shared
    return "" if shared is None else shared.reveal(), {name: it.reveal() for name, it in app.urls.services.items()}


def test_without_a_url_databases_are_files(loaded: Callable[..., App]) -> None:
    app = loaded()
    assert urls(app) == ("", {})
    assert app.connections == 10


def test_the_file_names_a_url_for_all_and_for_a_service(loaded: Callable[..., App]) -> None:
    app = loaded(
        """
        [data]
        url = "postgresql://ada@host/shop"
        connections = 6
        [data.services.left-hand]
        url = "sqlite:////var/lib/left.db"
        """
    )
    assert urls(app) == ("postgresql://ada@host/shop", {"left-hand": "sqlite:////var/lib/left.db"})
    assert app.connections == 6


def test_what_is_closest_to_the_deployment_wins(loaded: Callable[..., App], tmp_path: Path) -> None:
    """A secret file over a variable, a variable over the file; an empty one says that there is none."""
    file = '[data]\nurl = "postgresql://file/a"'
    assert urls(loaded(file, FREESTONE_DATABASE_URL="postgresql://variable/a"))[0] == "postgresql://variable/a"
    assert urls(loaded(file, FREESTONE_DATABASE_URL=""))[0] == ""
    assert urls(loaded(FREESTONE_LEFT_HAND_DATABASE_URL="postgresql://left/a")) == (
        "",
        {"left-hand": "postgresql://left/a"},
    )
    (tmp_path / "secrets" / "database_url").write_text("postgresql://ada:hunter2@secret/a\n")
    (tmp_path / "secrets" / "right_database_url").write_text("postgresql://ada:hunter2@right/a\n")
    app = loaded(file, FREESTONE_DATABASE_URL="postgresql://variable/a")
    assert urls(app) == ("postgresql://ada:hunter2@secret/a", {"right": "postgresql://ada:hunter2@right/a"})
    assert urls(loaded(**variables_of(app.urls, app.services))) == urls(app)


def test_no_password_is_shown(loaded: Callable[..., App]) -> None:
    """Neither by the plan nor by the application itself."""
    app = loaded(
        FREESTONE_DATABASE_URL="postgresql://ada:hunter2@host/shop",
        FREESTONE_RIGHT_DATABASE_URL="postgresql://bob:hunter2@other/shop?passfile=hunter2",
    )
    shown = render(plan(app))
    assert "hunter2" not in shown + repr(app)
    assert "data: in postgresql://ada@host/shop, a schema and a role each service, 10 connections at most\n" in shown
    assert "    right: in postgresql://bob@other/shop\n" in shown


def test_a_password_in_the_file_is_refused_wherever_it_stands(loaded: Callable[..., App]) -> None:
    """Also as an option, where PostgreSQL's own programs take one."""
    with pytest.raises(ConfigurationError, match=r"data\.url: it has a password") as raised:
        loaded('[data]\nurl = "postgresql://ada@host/shop?sslmode=require&password=hunter2"')
    assert "hunter2" not in str(raised.value)


def test_mistakes_are_told_together_and_show_no_url(loaded: Callable[..., App], tmp_path: Path) -> None:
    (tmp_path / "secrets" / "right_database_url").write_text("mysql://hunter2@right/a")
    with pytest.raises(ConfigurationError) as caught:
        loaded(
            """
            [data]
            url = "postgresql://ada:hunter2@host/shop"
            connections = 3
            [data.services.left-hand]
            url = "postgresql://host"
            [data.services.wrong]
            url = "postgresql://host/shop"
            """,
            FREESTONE_DATABASE_URL="sqlite:///hunter2.db",
        )
    told = [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]
    assert "hunter2" not in str(caught.value)
    assert sorted(told) == [
        "freestone.toml:10: data.url: it has a password; "
        "put the URL into a secret file or a variable of the environment",
        "freestone.toml:11: data.connections: a service needs at least 4 connections, not 3",
        "freestone.toml:13: data.services.left-hand.url: names no database; "
        "write it as postgresql://user:password@host:5432/database",
        'freestone.toml:14: data.services.wrong: there is no service "wrong"; the services are left-hand, right',
        "secrets/right_database_url: the secret file right_database_url: it is no URL of a database; "
        "write it as postgresql://user@host:5432/database",
        "the environment variable FREESTONE_DATABASE_URL: it is no URL of PostgreSQL, in which each service has its "
        "part; write it as postgresql://user@host:5432/database",
    ]


@pytest.mark.placements("local", "memory", "processes")
async def test_an_application_runs_on_postgresql(
    loaded: Callable[..., App], placement: str, postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """In one process and in several: each service in a schema of its own, which no other may enter."""
    app = loaded()
    left, right = (app.services[name].contract for name in ("left-hand", "right"))
    clients: Any
    async with running(app, Placement(placement), directory=tmp_path, data=postgres_url) as clients:
        await clients.client(left).keep(5)
        await clients.client(left).keep(6)
        await clients.client(right).keep(7)
        assert (await clients.client(left).total(), await clients.client(right).total()) == (11, 7)
    async with postgres.admin(postgres_url.rpartition("/")[2]) as admin:
        assert await admin.fetchval('SELECT sum(number) FROM "left-hand".number') == 11
        assert await admin.fetchval("SELECT tableowner FROM pg_tables WHERE schemaname = 'right'") == (
            f"{postgres_url.rpartition('/')[2]}_right"
        )
    assert not list(tmp_path.glob("**/*.db"))


async def test_in_production_no_role_is_made(loaded: Callable[..., App], postgres_url: str) -> None:
    """They must be there; the start fails, and says what makes them."""
    app = loaded(FREESTONE_DATABASE_URL=postgres_url, FREESTONE_ENVIRONMENT="production")
    assert app.environment is Environment.PRODUCTION
    host = Host(monolith(app), "app")
    with pytest.raises(Exception, match=r"has no role test-.*_left-hand with the schema left-hand at .* provision"):
        await host.start()
    await host.stop(0)


async def test_a_service_may_have_a_database_of_its_own(
    loaded: Callable[..., App], postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """By its own URL, as whoever that says; the other keeps its file."""
    app = loaded(FREESTONE_RIGHT_DATABASE_URL=postgres_url)
    host = Host(monolith(app), "app")
    try:
        await host.start()
        await host.client(app.services["right"].contract).keep(3)  # type: ignore[attr-defined]
    finally:
        await host.stop(5)
    async with postgres.admin(postgres_url.rpartition("/")[2]) as admin:
        assert await admin.fetchval("SELECT sum(number) FROM public.number") == 3
    assert [path.name for path in (tmp_path / ".freestone" / "data").glob("*.db")] == ["left-hand.db"]
