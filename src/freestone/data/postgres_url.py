"""Where a database in PostgreSQL is, and who one is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from freestone.errors import ConfigurationError, Mistake
from freestone.service import Secret

_NO_PASSWORD = Secret("")
_SCHEMES = ("postgresql", "postgres")
_EXAMPLE = "write it as postgresql://user:password@host:5432/database"
_BRACKETS = "write %5B for a [, and %5D for a ], in a password"


@final
@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A URL, taken apart. As a text it has no password.

    >>> url = PostgresUrl.parse("postgresql://ada:hunter2@db.example:5432/shop?sslmode=require")
    >>> str(url), url.database
    ('postgresql://ada@db.example:5432/shop', 'shop')
    """

    host: str
    """With its port, or several with commas between them, as in the URL."""
    database: str
    user: str = ""
    password: Secret = _NO_PASSWORD
    options: tuple[tuple[str, str], ...] = ()
    """What follows the question mark, as ``sslmode``."""
    schema: str = ""
    """The schema in which everything is; empty for the server's own order."""

    @classmethod
    def parse(cls, text: str) -> PostgresUrl:
        """Read a URL. Raises ConfigurationError, which shows nothing of it that is secret."""
        scheme, separator, _ = text.partition("://")
        try:
            parts = urlsplit(text)
        except ValueError:
            raise _mistake(scheme, "is no URL", _BRACKETS if "[" in text or "]" in text else _EXAMPLE) from None
        if not separator or scheme not in _SCHEMES:
            raise _mistake(
                scheme,
                "is none that Freestone can open",
                "give the path of a SQLite file, or a URL that begins with sqlite:/// or postgresql://",
            )
        if "#" in text:
            raise _mistake(scheme, "has a part after a #", "write %23 for a # in a password")
        if "@" in parts.path + parts.query and ("@" not in parts.netloc or "/" in parts.path[1:]):
            raise _mistake(scheme, "has a / or a ? before its @", "write %2F for a /, and %3F for a ?, in a password")
        try:
            options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise _mistake(scheme, "has options that are none", "write them as ?sslmode=require") from None
        account, _, host = parts.netloc.rpartition("@")
        for address in host.split(","):
            port = address.rpartition(":")[2] if ":" in address and not address.endswith("]") else ""
            if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
                raise _mistake(scheme, "has a port that is no number from 1 to 65535")
        user, _, password = account.partition(":")
        database = unquote(parts.path[1:])
        if not database or "/" in parts.path[1:]:
            raise _mistake(scheme, "names no database")
        named = dict(options)  # as libpq takes them, too
        user = unquote(user) or named.get("user", "")
        secret = Secret(unquote(password) or named.get("password", ""))
        rest = tuple((name, value) for name, value in options if name not in ("user", "password"))
        return cls(host, database, user, secret, rest)

    def __str__(self) -> str:
        account = f"{quote(self.user, '')}@" if self.user else ""
        schema = f" schema {self.schema}" if self.schema else ""
        return f"postgresql://{account}{self.host}/{quote(self.database, '')}{schema}"

    def reveal(self) -> str:
        """Return the URL with its password, for the driver."""
        account = quote(self.user, "")
        if self.password:
            account += f":{quote(self.password.reveal(), '')}"
        # With %20 for a space: psql does not take a + for one.
        options = f"?{urlencode(self.options, quote_via=quote)}" if self.options else ""
        return f"postgresql://{account}{'@' if account else ''}{self.host}/{quote(self.database, '')}{options}"

    def without_password(self) -> str:
        """Return the URL with all that is not secret, for a program that has the password from elsewhere."""
        return replace(self, password=_NO_PASSWORD).reveal()

    def of_role(self, user: str, password: Secret, schema: str) -> PostgresUrl:
        """Return the same place for somebody else, and in a schema of it."""
        return replace(self, user=user, password=password, schema=schema)


def quoted(identifier: str) -> str:
    """Return a name as SQL writes it.

    >>> print(quoted("search-index"))
    "search-index"
    """
    return '"' + identifier.replace('"', '""') + '"'


def _mistake(scheme: str, problem: str, advice: str = _EXAMPLE) -> ConfigurationError:
    shown = scheme if scheme.isidentifier() else "…"
    return ConfigurationError([Mistake(f"database {shown}://…", problem, advice)])
