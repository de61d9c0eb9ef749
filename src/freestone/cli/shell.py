"""``freestone db shell``: a database in its own program."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .application import the_application
from .databases import the_databases
from .failure import UsageMistake

if TYPE_CHECKING:
    from freestone.data import Database, PostgresUrl


def shell(file: Path | None, service: str) -> None:
    """Become the program in which a database is looked at. Raises UsageMistake if there is none."""
    database = the_databases(the_application(file), service)[service]
    command, variables = command_for(database)
    sys.stdout.flush()
    os.execvpe(command[0], command, {**os.environ, **variables})


def command_for(database: Database) -> tuple[list[str], dict[str, str]]:
    """Return the command that opens a database, and the variables that it needs beside those of this process."""
    if (url := database.url) is not None:
        return _psql(url)
    if not database.path.exists():
        raise UsageMistake(f"there is no file {database.path} yet; it is made when the service is started")
    if (program := shutil.which("sqlite3")) is not None:
        return [program, str(database.path)], {}
    if find_spec("sqlite3.__main__") is not None:  # from Python 3.12 on
        return [sys.executable, "-m", "sqlite3", str(database.path)], {}
    raise UsageMistake(
        f"there is no sqlite3 here that could open {database.path}; install it (Debian: apt install sqlite3), or use "
        "Python 3.12 or newer, which has one"
    )


def _psql(url: PostgresUrl) -> tuple[list[str], dict[str, str]]:
    program = shutil.which("psql")
    if program is None:
        raise UsageMistake(
            f"there is no psql here that could open {url}; install it (Debian: apt install postgresql-client)"
        )
    # The password goes through the environment, which no other user can read, as a command line could be.
    variables = {"PGPASSWORD": url.password.reveal()} if url.password else {}
    return [program, url.without_password()], variables
