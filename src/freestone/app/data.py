"""Where the services' databases are: in files, or at URLs that the file, the environment or a secret file has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import final
from urllib.parse import parse_qs, urlsplit

from freestone.errors import ConfigurationError, Mistake
from freestone.service import Secret, meant

from .document import Table

_FIELD = "database_url"
"""What a URL is called in the names of secret files and of variables."""
_EXAMPLE = "postgresql://user@host:5432/database"


@final
@dataclass(frozen=True, slots=True)
class DataEntry:
    """What ``[data]`` says."""

    directory: Path
    """Where files are."""
    connections: int = 10
    """How many connections a service of a process has to PostgreSQL at most."""
    url: str = ""
    """Where the databases of all services are that have none of their own; empty for files."""
    services: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where the database of a service is, by the service's name."""


@final
@dataclass(frozen=True, slots=True)
class DataUrls:
    """Where databases are that are not in files of the directory; none of it is ever shown."""

    shared: Secret | None = None
    """That in which each service has its part."""
    services: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    """Those of one service each, by the service's name."""


def read_data(table: Table, directory: Path, default: Path, services: Collection[str]) -> DataEntry:
    """Return what ``[data]`` says; ``directory`` is where relative paths start, ``default`` where files are.

    Notes what is wrong. Keys that others have asked the table for are known.
    """
    folder = directory / table.text("directory", str(default))
    connections = table.integer("connections", 10)
    if connections < 4:
        table.note("connections", f"a service needs at least 4 connections, not {connections}")
    url = _read_url(table, alone=False)
    own: dict[str, str] = {}
    for name, inner in table.table("services").tables():
        if name not in services:
            table.table("services").note(name, f'there is no service "{name}"', meant(name, services, "services"))
        if found := _read_url(inner, alone=True):
            own[name] = found
        inner.refuse_unknown()
    table.refuse_unknown()
    return DataEntry(folder, max(connections, 4), url, MappingProxyType(own))


def find_urls(
    entry: DataEntry, services: Collection[str], secrets: Path, variables: Mapping[str, str], mistakes: list[Mistake]
) -> DataUrls:
    """Return the URLs, each from the place that is closest to the deployment, as settings are found.

    That is a secret file (``SERVICE_database_url``, ``database_url``), or else a variable
    (``FREESTONE_SERVICE_DATABASE_URL``, ``FREESTONE_DATABASE_URL``), or else the file. One that is there and empty says
    that there is no URL. What can't be one is added to the mistakes, without showing it.
    """
    shared = _find("", entry.url, secrets, variables, mistakes)
    found = {name: _find(name, entry.services.get(name, ""), secrets, variables, mistakes) for name in services}
    return DataUrls(shared, MappingProxyType({name: url for name, url in found.items() if url is not None}))


def variables_of(urls: DataUrls, services: Collection[str]) -> dict[str, str]:
    """Return the variables that say the same to a process of its own, whatever its file says."""
    places = {"": urls.shared, **{name: urls.services.get(name) for name in services}}
    return {_variable(_stem(name)): "" if url is None else url.reveal() for name, url in places.items()}


def data_lines(urls: DataUrls, connections: int) -> list[str]:
    """Return where databases are that are in no file, for people; no password is among it."""
    if urls.shared is None and not urls.services:
        return []
    from freestone.data import PostgresUrl

    def shown(url: Secret) -> str:
        text = url.reveal()
        return text if text.startswith("sqlite:") else str(PostgresUrl.parse(text))

    where = "in files" if urls.shared is None else f"in {shown(urls.shared)}, a schema and a role each service"
    return [
        f"data: {where}, {connections} connections at most",
        *(f"    {name}: in {shown(url)}" for name, url in sorted(urls.services.items())),
    ]


def _stem(service: str) -> str:
    return f"{service}_{_FIELD}" if service else _FIELD


def _variable(stem: str) -> str:
    return f"FREESTONE_{stem}".upper().replace("-", "_")


def _find(
    service: str, written: str, secrets: Path, variables: Mapping[str, str], mistakes: list[Mistake]
) -> Secret | None:
    stem = _stem(service)
    variable = _variable(stem)
    path = secrets / stem
    try:
        kept = path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        mistakes.append(Mistake(stem, f"the secret file can't be read: {reason}", "", str(path)))
        return None
    for source, place, url in (
        (f"the secret file {stem}", str(path), kept),
        (f"the environment variable {variable}", "", variables.get(variable)),
    ):
        if url is not None:
            wrong = list(_wrong(url.strip(), source, place, alone=bool(service))) if url.strip() else []
            mistakes.extend(wrong)
            return None if wrong or not url.strip() else Secret(url.strip())
    return Secret(written) if written else None


def _wrong(url: str, source: str, place: str, *, alone: bool) -> Iterator[Mistake]:
    """Yield what is wrong with a URL, of a service ``alone`` or of all, and do not show it."""
    if alone and url.startswith("sqlite:///"):
        return
    if not url.startswith(("postgresql://", "postgres://")):
        kind = "a database" if alone else "PostgreSQL, in which each service has its part"
        yield Mistake(source, f"it is no URL of {kind}", f"write it as {_EXAMPLE}", place)
        return
    from freestone.data import PostgresUrl  # SQLAlchemy is imported only where there is a database

    try:
        PostgresUrl.parse(url)
    except ConfigurationError as error:
        yield from (Mistake(source, mistake.problem, mistake.advice, place) for mistake in error.mistakes)


def _read_url(table: Table, *, alone: bool) -> str:
    url = table.text("url")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        has_password = False
    if has_password:
        table.note("url", "it has a password", "put the URL into a secret file or a variable of the environment")
        return ""
    mistakes = list(_wrong(url, "", "", alone=alone))
    for mistake in mistakes:
        table.note("url", mistake.problem, mistake.advice)
    return "" if mistakes else url
