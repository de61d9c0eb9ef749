"""SQLAlchemy's session, which notes that it has written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, final

from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable
from sqlalchemy.sql.elements import TextClause

_READS: Final = re.compile(r"\s*(select|values|explain|show|pragma)\b", re.IGNORECASE)
"""How a statement in text begins that does not write."""


_UNKNOWN: Final = {"compile_state_plugin": "orm"}


@final
class NotingSession(Session):
    """A session that knows whether anything was written through it, or is to be."""

    wrote = False

    @property
    def writes(self) -> bool:
        """Whether it has written, or has rows that were added, changed or deleted and will be written."""
        return self.wrote or bool(self.new) or bool(self.deleted) or bool(self.dirty)

    def execute(self, statement: Executable, *args: Any, **options: Any) -> Any:
        self._note(statement)
        return super().execute(statement, *args, **options)

    def scalars(self, statement: Executable, *args: Any, **options: Any) -> Any:
        self._note(statement)
        return super().scalars(statement, *args, **options)

    def scalar(self, statement: Executable, *args: Any, **options: Any) -> Any:
        self._note(statement)
        return super().scalar(statement, *args, **options)

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        if self.new or self.deleted or self.dirty:
            self.wrote = True
        super().flush(objects)

    def _note(self, statement: Executable) -> None:
        if writes(statement):
            self.wrote = True


def writes(statement: Executable) -> bool:
    """Whether the statement writes, as far as can be told; text may."""
    return statement.is_dml or (isinstance(statement, TextClause) and not _READS.match(statement.text))


def asks_for_entities(statement: Executable) -> bool:
    """Whether the statement is one of the ORM, which only a session understands; if that can't be told, it may be."""
    attributes: Any = getattr(statement, "_propagate_attrs", _UNKNOWN)
    return bool(attributes)
