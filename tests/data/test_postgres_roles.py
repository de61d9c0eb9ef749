"""One database of PostgreSQL for several services, each with a schema and a role of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from freestone.data import Database, Share
from freestone.data.postgres_roles import of_service, provision
from freestone.data.postgres_url import PostgresUrl
from freestone.errors import Unavailable
from freestone.testing import PostgresServer


@contextlib.asynccontextmanager
async def opened(url: str, service: str, *, makes_role: bool = True) -> AsyncGenerator[Database]:
    database = Database.open(url, share=Share(service, makes_role))
    await database.start()
    try:
        yield database
    finally:
        await database.close()


async def ordinary(server: PostgresServer, url: str) -> str:
    """Return the URL of that database for somebody who is no superuser, and may make roles and schemas in it."""
    name = url.rpartition("/")[2]
    owner = f"owner of {name}"
    async with server.admin() as admin:
        await admin.execute(f"""CREATE ROLE "{owner}" LOGIN CREATEROLE PASSWORD 'a secret'""")
        await admin.execute(f'ALTER DATABASE "{name}" OWNER TO "{owner}"')
    return server.url_of(name, owner, "a secret")


@pytest.mark.parametrize("who", ["superuser", "ordinary"])
async def test_postgresql_refuses_a_service_the_tables_of_another(
    who: str, postgres: PostgresServer, postgres_url: str
) -> None:
    """Neither reads nor writes get through, nor does anybody become somebody else; names with dashes are names."""
    url = postgres_url if who == "superuser" else await ordinary(postgres, postgres_url)
    async with opened(url, "learning-paths") as paths, opened(url, "progress") as progress:
        for database in (paths, progress):
            async with database.transaction():
                await database.execute(text("CREATE TABLE kept (number integer)"))
                await database.execute(text("INSERT INTO kept VALUES (1)"))
        async with paths.transaction():
            assert await paths.scalar(text("SELECT current_schema()")) == "learning-paths"
            assert str(await paths.scalar(text("SELECT session_user"))).endswith("_learning-paths")
        for statement in (
            "SELECT * FROM progress.kept",
            "INSERT INTO progress.kept VALUES (2)",
            "CREATE TABLE progress.mine (number integer)",
            f'SET ROLE "{of_service(PostgresUrl.parse(url), "progress").user}"',
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                async with paths.transaction():
                    await paths.execute(text(statement))
        async with progress.transaction():
            assert await progress.scalar(text("SELECT count(*) FROM kept")) == 1


async def test_a_role_that_is_missing_is_made_in_development_alone(postgres_url: str) -> None:
    """Elsewhere it must be there, and the message says what makes it. It shows no password."""
    with pytest.raises(Unavailable, match="make them with `freestone db provision`") as raised:
        async with opened(postgres_url, "catalog", makes_role=False):
            pass
    url = PostgresUrl.parse(postgres_url)
    for secret in (url.password, of_service(url, "catalog").password):
        assert secret.reveal() not in str(raised.value)
    assert await provision(url, "catalog") == [
        f"the role {url.database}_catalog was made",
        "the schema catalog was made",
    ]
    assert await provision(url, "catalog") == []
    async with opened(postgres_url, "catalog", makes_role=False) as database, database.transaction():
        await database.execute(text("CREATE TABLE kept (number integer)"))


async def test_replicas_that_start_at_once_make_one_role(postgres_url: str) -> None:
    """And as many services at the same time."""
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(60):
        databases = await asyncio.gather(
            *(
                stack.enter_async_context(opened(postgres_url, service))
                for service in ("catalog", "progress", "identity")
                for _ in range(3)
            )
        )
        for database in databases:
            async with database.transaction():
                await database.execute(text("CREATE TABLE IF NOT EXISTS kept (number integer)"))


async def test_the_roles_follow_the_password_of_the_url(postgres: PostgresServer, postgres_url: str) -> None:
    """They are derived from it: once it was changed, the old ones open nothing any more."""
    url = await ordinary(postgres, postgres_url)
    async with opened(url, "catalog"):
        pass
    parsed = PostgresUrl.parse(url)
    async with postgres.admin() as admin:
        await admin.execute(f"""ALTER ROLE "{parsed.user}" PASSWORD 'another one'""")
    new = postgres.url_of(parsed.database, parsed.user, "another one")
    with pytest.raises(Unavailable, match="or another password: make them with"):
        async with opened(new, "catalog", makes_role=False):
            pass
    async with opened(new, "catalog"):
        pass
    with pytest.raises(Unavailable, match="or another password: make them with"):
        async with opened(url, "catalog", makes_role=False):
            pass


async def test_who_may_not_make_roles_is_told_so(postgres: PostgresServer, postgres_url: str) -> None:
    """With what PostgreSQL says."""
    name = postgres_url.rpartition("/")[2]
    async with postgres.admin() as admin:
        await admin.execute(f"""CREATE ROLE "guest of {name}" LOGIN PASSWORD 'guest'""")
    url = postgres.url_of(name, f"guest of {name}", "guest")
    with pytest.raises(Unavailable, match=r"the role and the schema of catalog can't be made at .*: permission denied"):
        async with opened(url, "catalog"):
            pass


async def test_a_schema_of_somebody_else_is_not_taken_over(postgres: PostgresServer, postgres_url: str) -> None:
    """It may hold anything."""
    async with postgres.admin(postgres_url.rpartition("/")[2]) as admin:
        await admin.execute("CREATE SCHEMA catalog")
    with pytest.raises(Unavailable, match=r"the schema catalog of .* belongs to postgres"):
        await provision(PostgresUrl.parse(postgres_url), "catalog")


def test_a_long_name_is_cut_and_stays_one() -> None:
    """PostgreSQL would cut it too, and two services could get one role."""
    url = PostgresUrl.parse("postgresql://ada:secret@host/" + "d" * 40)
    roles = {of_service(url, "s" * 40 + end).user for end in ("a", "b")}
    assert len(roles) == 2
    assert all(len(role) <= 63 for role in roles)


async def test_a_schema_has_migrations_and_leases_of_its_own(postgres_url: str, tmp_path: Path) -> None:
    """As a file has."""
    (tmp_path / "0001.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    op.create_table('kept', sa.Column('number', sa.Integer))\n"
    )
    for service in ("catalog", "progress"):
        database = Database.open(postgres_url, tmp_path, share=Share(service, makes_role=True))
        await database.start()
        async with database.transaction():
            await database.execute(text("INSERT INTO kept VALUES (1)"))
            found = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = :schema"
            assert await database.scalar(text(found), {"schema": service}) == "alembic_version kept"
        async with database.lease("nightly") as lease:
            assert lease.token == 1
        await database.close()
