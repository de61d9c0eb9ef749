"""Which events a person means: by their id, their type, their key, their time, or who hears them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, final

import msgspec
from sqlalchemy import Table, or_

from .columns import to_microseconds


@final
class Choice(msgspec.Struct, frozen=True):
    """Events of which all that is given here is true."""

    ids: tuple[str, ...] = ()
    """The beginnings of their ids; any of them."""
    subscription: str = ""
    """The subscription that keeps them, by its name."""
    type: str = ""
    """As ``progress.ResourceCompleted``, or without the service."""
    key: str = ""
    since: datetime | None = None
    """Those that were published then or later."""

    def __bool__(self) -> bool:
        return self != Choice()

    def among(self, table: Table) -> list[Any]:
        """Return the conditions, for the rows of the outbox or of what is kept."""
        columns: Any = table.c
        found: list[Any] = []
        if self.ids:
            found.append(or_(*(columns.event_id.startswith(each, autoescape=True) for each in self.ids)))
        if self.subscription:
            found.append(columns.subscription == self.subscription)
        if self.type:
            found.append(or_(columns.type == self.type, columns.type.endswith(f".{self.type}", autoescape=True)))
        if self.key:
            found.append(columns.subject == self.key)
        if self.since is not None:
            found.append(columns.time >= to_microseconds(self.since))
        return found
