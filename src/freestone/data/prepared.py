"""A statement of the framework's own, which goes to the driver as it is.

SQLAlchemy's execution of a statement, with a session around it, costs some hundred microseconds; SQLite takes a few for
what is done there. That is right for the statements of an application, which want the types, the rows and the identity
map. What the framework does for each command and each event has none of them: its text is made once for each dialect,
by SQLAlchemy, and its parameters are numbers, texts and bytes, which every driver takes as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, final

import msgspec
from sqlalchemy import Executable
from sqlalchemy.engine.interfaces import Dialect as Speaker
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from .session import writes
from .store import Dialect

NOTHING: Final[Mapping[str, Any]] = {}


@final
class Text(msgspec.Struct, frozen=True):
    """A statement as one dialect has it."""

    sql: str
    names: tuple[str, ...]
    """Of its parameters, in their order."""
    constants: dict[str, Any]
    """Parameters that are always the same, as those of a LIMIT."""
    writes: bool

    def values(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the parameters, in their order."""
        constants = self.constants
        if not constants:
            return tuple([parameters[name] for name in self.names])
        return tuple([parameters[name] if name in parameters else constants[name] for name in self.names])


@final
class Prepared:
    """A statement, made once and kept in a constant. Its columns and parameters have no types but those of a driver.

    >>> from sqlalchemy import Column, Integer, MetaData, Table, bindparam, select
    >>> seen = Table("seen", MetaData(), Column("id", Integer, primary_key=True))
    >>> SEEN = Prepared(select(seen.c.id).where(seen.c.id == bindparam("wanted")))
    """

    __slots__ = ("_statement", "_texts")

    def __init__(self, statement: Executable | Mapping[Dialect, Executable]) -> None:
        """``statement`` is for all dialects, or has one for each."""
        self._statement = statement
        self._texts: dict[str, Text] = {}

    def on(self, speaker: Speaker) -> Text:
        """Return the statement as the dialect of a connection has it."""
        text = self._texts.get(speaker.name)
        if text is None:
            text = self._texts[speaker.name] = self._made(speaker)
        return text

    def _made(self, speaker: Speaker) -> Text:
        statement = self._statement
        if isinstance(statement, Mapping):
            statement = statement[cast("Dialect", speaker.name)]
        compiled = cast(
            SQLCompiler,
            cast(ClauseElement, statement).compile(dialect=speaker, compile_kwargs={"render_postcompile": True}),
        )
        names: Sequence[str] = compiled.positiontup or ()
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return Text(compiled.string, tuple(names), constants, writes=writes(statement))
