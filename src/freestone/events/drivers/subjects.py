"""The names that an application has in NATS: its stream, and the subjects of its events.

::

    freestone_APPLICATION                                     the stream
    freestone.APPLICATION.events.SERVICE.EVENT.BUCKET         the subject of an event

There are always 64 buckets, whatever the number of partitions that an application has chosen: it divides 64, so that a
partition is some of the buckets. So an application may choose another number, and one that reads another's events need
not know which: what is in the stream already is sorted for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BUCKETS: Final = 64


def stream_name(application: str) -> str:
    """Return the name of an application's stream."""
    return f"freestone_{application}"


def all_subjects(application: str) -> str:
    """Return the subjects of all events of an application."""
    return f"freestone.{application}.events.>"


def subject_for(application: str, type_: str, bucket: int) -> str:
    """Return the subject of an event of that type, which is ``service.Event``.

    >>> subject_for("shop", "orders.Ordered", 3)
    'freestone.shop.events.orders.Ordered.3'
    """
    return f"freestone.{application}.events.{type_}.{bucket}"


def type_in(subject: str) -> str:
    """Return the type of the events of a subject.

    >>> type_in("freestone.shop.events.orders.Ordered.3")
    'orders.Ordered'
    """
    return subject.split(".", 3)[-1].rpartition(".")[0]


def bucket_in(subject: str) -> int:
    """Return the bucket of a subject; 0 where somebody else has written what is none."""
    last = subject.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdigit() else 0


def filters(application: str, types: Iterable[str], partitions: frozenset[int], count: int) -> list[str]:
    """Return the subjects that have the events of those types in those of ``count`` partitions.

    >>> filters("shop", ["orders.Ordered"], frozenset({5}), 32)
    ['freestone.shop.events.orders.Ordered.5', 'freestone.shop.events.orders.Ordered.37']
    >>> filters("shop", ["orders.Ordered"], frozenset(range(8)), 8)
    ['freestone.shop.events.orders.Ordered.*']
    """
    if partitions.issuperset(range(count)):
        buckets = ["*"]
    else:
        buckets = [str(bucket) for bucket in range(BUCKETS) if bucket % count in partitions]
    return [f"freestone.{application}.events.{type_}.{bucket}" for type_ in sorted(types) for bucket in buckets]
