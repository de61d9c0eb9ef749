"""What separates services in one database of PostgreSQL: each has a schema, and a role that may enter no other.

One URL is enough for all of them. From it each service's role and password are derived, so that nothing has to be kept:
who knows the URL can make the roles, and who runs one service can be given that role alone. The server is never told a
password, only what proves it (SCRAM), so none stands in its log.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from freestone.errors import Unavailable
from freestone.service import Secret

from .postgres_driver import FAILURES
from .postgres_url import PostgresUrl, quoted

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]

_LONGEST: Final = 63
"""Bytes that a name has at most in PostgreSQL."""
_ROUNDS: Final = 4096
_PATIENCE: Final = 30.0
"""Seconds that the URL's role may take to be let in."""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('freestone roles', 0))"
"""Keeps others out of this that do the same in this database."""


def of_service(url: PostgresUrl, service: str) -> PostgresUrl:
    """Return where the service is in the database of that URL: who it is there, with its password, and its schema.

    Roles are the server's and not the database's, so the name of the database is part of theirs.
    """
    role = f"{url.database}_{service}"
    if len(role.encode()) > _LONGEST:
        role = f"{role.encode()[:50].decode(errors='ignore')}_{hashlib.sha256(role.encode()).hexdigest()[:12]}"
    if not url.password:  # the server knows its roles by other means
        return url.of_role(role, Secret(""), service)
    proof = hmac.new(url.password.reveal().encode(), f"freestone role {role}".encode(), hashlib.sha256)
    return url.of_role(role, Secret(proof.hexdigest()), service)


async def provision(url: PostgresUrl, service: str) -> list[str]:
    """Make the role and the schema of a service as the URL's role; return what was done, a sentence each.

    What is there already stays, and the password is set again, which is how it follows that of the URL. The URL's role
    must be a superuser, or have CREATEROLE and be allowed to create in the database. Raises Unavailable if it can't be
    done.
    """
    wanted = of_service(url, service)
    try:
        connection = await asyncpg.connect(url.reveal(), timeout=_PATIENCE)
        try:
            async with connection.transaction():
                await connection.execute(_LOCK)
                return await _provision(connection, wanted)
        finally:
            await connection.close(timeout=_PATIENCE)
    except FAILURES as error:
        raise Unavailable(
            f"the role and the schema of {service} can't be made at {url}: {str(error) or type(error).__name__}"
        ) from error


async def _provision(connection: _Connection, wanted: PostgresUrl) -> list[str]:
    role, schema = quoted(wanted.user), quoted(wanted.schema)
    done: list[str] = []
    password = f" PASSWORD '{_verifier(wanted.password)}'" if wanted.password else ""
    if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", wanted.user) is None:
        await connection.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE{password}")
        done.append(f"the role {wanted.user} was made")
    else:
        await connection.execute(f"ALTER ROLE {role} LOGIN{password}")
    if not await _is_superuser(connection):
        await connection.execute(f"GRANT {role} TO CURRENT_USER")  # who makes a schema for a role must be in it
    owner: Any = await connection.fetchval(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", wanted.schema
    )
    if owner is None:
        await connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
        done.append(f"the schema {wanted.schema} was made")
    elif owner != wanted.user:
        raise Unavailable(f"the schema {wanted.schema} of {wanted} belongs to {owner}, and not to {wanted.user}")
    await connection.execute(f"GRANT CONNECT ON DATABASE {quoted(wanted.database)} TO {role}")
    await connection.execute(f"ALTER ROLE {role} IN DATABASE {quoted(wanted.database)} SET search_path = {schema}")
    return done


async def _is_superuser(connection: _Connection) -> bool:
    return bool(await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER"))


def _verifier(password: Secret) -> str:
    """Return what the server keeps of a password (RFC 5803): enough to check it, and not to know it."""
    text = password.reveal().encode()
    salt = hashlib.sha256(b"salt " + text).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", text, salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    kept = (b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ROUNDS, *kept)
