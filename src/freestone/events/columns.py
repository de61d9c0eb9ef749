"""An event as columns of a table: in the outbox of who announces it, and aside with who hears it.

Times are microseconds since 1970: SQLite has no type for a time, and a number compares alike in either database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

from .envelope import Envelope

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(time: datetime) -> int:
    """Return a time as a table has it."""
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return a time that a table has."""
    return _EPOCH + microseconds * _MICROSECOND


def event_columns() -> tuple[Column[Any], ...]:
    """Return the columns for an event, new ones for each table."""
    return (
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("source", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("time", BigInteger, nullable=False),
        Column("content_type", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
        Column("traceparent", Text),
        Column("tracestate", Text),
    )


def values_of(envelope: Envelope) -> dict[str, Any]:
    """Return what the columns have of an event; its partition is none of them."""
    return {
        "event_id": envelope.id,
        "type": envelope.type,
        "version": envelope.version,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": to_microseconds(envelope.time),
        "content_type": envelope.content_type,
        "data": envelope.data,
        "traceparent": envelope.traceparent,
        "tracestate": envelope.tracestate,
    }


def envelope_in(row: Any, partition: int) -> Envelope:
    """Return the event that a row has."""
    return Envelope(
        id=row.event_id,
        type=row.type,
        source=row.source,
        subject=row.subject,
        time=from_microseconds(row.time),
        version=row.version,
        data=bytes(row.data),
        content_type=row.content_type,
        traceparent=row.traceparent,
        tracestate=row.tracestate,
        partition=partition,
    )
