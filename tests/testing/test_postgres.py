"""The PostgreSQL that tests run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from freestone.testing.postgres import PostgresServer, postgres_server


async def rows(server: PostgresServer) -> list[int]:
    async with server.admin() as connection:
        return [row["number"] for row in await connection.fetch("SELECT number FROM kept ORDER BY number")]


async def test_what_was_committed_is_there_after_a_kill() -> None:
    """Killed and started again at the same place, three times; its settings are those of a real one."""
    async with postgres_server() as server:
        async with server.admin() as connection:
            await connection.execute("CREATE TABLE kept (number integer)")
        place = server.url
        for number in range(3):
            async with server.admin() as connection:
                await connection.execute("INSERT INTO kept VALUES ($1)", number)
                assert await connection.fetchval("SHOW fsync") == "on"
            killed = server.pid
            await server.kill()
            with pytest.raises(ProcessLookupError):
                os.kill(killed, 0)
            with pytest.raises(OSError, match="Connect call failed"):
                await rows(server)
            await server.start()
            assert server.url == place
            assert await rows(server) == list(range(number + 1))
        left = server.data
    assert not left.exists()


async def test_two_databases_have_nothing_in_common() -> None:
    """Each test can have one of its own, in a server for all of them."""
    async with postgres_server(fsync="off") as server:
        one, two = await server.create_database(), await server.create_database()
        assert one != two
        async with server.admin(one.rpartition("/")[2]) as connection:
            await connection.execute("CREATE TABLE mine (number integer)")
        async with server.admin(two.rpartition("/")[2]) as connection:
            assert await connection.fetchval("SELECT to_regclass('mine')") is None


async def test_a_directory_of_the_test_is_kept() -> None:
    """It is the test's own, and a later server finds there what an earlier one has stored."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with postgres_server(directory) as server, server.admin() as connection:
            await connection.execute("CREATE TABLE kept (number integer)")
        async with postgres_server(directory) as server:
            assert await rows(server) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
async def test_a_directory_that_nobody_may_enter_is_refused(tmp_path: Path) -> None:
    """With the reason, instead of what initdb says."""
    tmp_path.chmod(0o700)
    with pytest.raises(RuntimeError, match="PostgreSQL can't be run by root, and nobody may not enter"):
        async with postgres_server(tmp_path):
            pass
