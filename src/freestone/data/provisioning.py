"""Roles and schemas of services in a database of PostgreSQL that they share, made by hand."""

from __future__ import annotations

from freestone.errors import ConfigurationError, Mistake

from .postgres_url import PostgresUrl


async def provision(url: str, service: str) -> list[str]:
    """Make the role and the schema of a service, as the URL's role; return what was done, a sentence each.

    What is there already stays. Raises Unavailable if it can't be done, ConfigurationError if the URL is none, or what
    speaks to PostgreSQL is not installed.
    """
    parsed = PostgresUrl.parse(url)
    try:
        from .postgres_roles import provision  # and with it asyncpg
    except ImportError as error:
        advice = 'install it with: pip install "freestone[postgres]"'
        raise ConfigurationError([Mistake(str(parsed), "asyncpg is not installed", advice)]) from error
    return await provision(parsed, service)
