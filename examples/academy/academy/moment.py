"""A column for moments in time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, final

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


@final
class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite has no time zones: what it gives back would be naive, and fail to compare."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        aware: datetime = value.replace(tzinfo=UTC)
        return aware
