"""The frames of the wire, as records.

A frame is a head of nine bytes and a payload::

    u32 length    bytes that follow this field
    u8  type      one of FrameType
    u32 call id   0 in the frames that concern the connection
    …   payload

All integers are big-endian. ``docs/wire.md`` is the specification; ``codec`` has the bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias, final

from msgspec import Meta, Raw, Struct

from .reason import Reason

VERSIONS: Final = (1, 2)
"""The versions of the protocol that this code speaks."""
LAST_CALL: Final = 2**32 - 1
"""The last call id; a connection that has used it opens no more calls."""


class FrameType(enum.IntEnum):
    """What a frame is, as the fifth of its bytes says."""

    HELLO = 1
    REQUEST = 2
    REPLY = 3
    ERROR = 4
    CANCEL = 5
    ITEM = 6
    END = 7
    CREDIT = 8
    PING = 9
    PONG = 10
    GOODBYE = 11
    CHUNK = 12


SENDS: Final = 2
"""What the kind of a call is greater by if its caller sends items."""

CreditCount: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]


@final
class Hello(Struct, frozen=True, kw_only=True):
    """Who speaks here, and what it puts up with. A MessagePack map by name; unknown names are ignored."""

    versions: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)] = VERSIONS
    """The versions of the protocol that the sender speaks; the newest that both speak is used."""
    application: str
    """The application's name; connections between different ones are refused."""
    process: str
    """The process of the topology, as ``progress``."""
    instance: str
    """An id of this run of this replica, to tell it from its siblings and from its predecessor."""
    services: Mapping[str, str] = {}
    """The services that the sender serves, each with the fingerprint of its contract."""
    keeps: tuple[str, ...] = ()
    """Those of them that keep what their commands came to, so that one which is sent again takes effect once."""
    max_frame: Annotated[int, Meta(ge=1024, le=2**32 - 1)] = 16 * 1024 * 1024
    """Bytes that a frame sent to the sender may have after its length field."""
    max_calls: Annotated[int, Meta(ge=1, le=2**32 - 1)] = 1024
    """Calls that the sender serves at a time on this connection."""
    max_message: Annotated[int, Meta(ge=1024, le=2**63 - 1)] = 128 * 1024 * 1024
    """From version 2: bytes that a message sent to the sender may have, all its chunks together."""
    max_unfinished: Annotated[int, Meta(ge=1024, le=2**63 - 1)] = 256 * 1024 * 1024
    """From version 2: bytes that the messages may have together whose chunks are on their way to the sender."""
    compression: tuple[str, ...] = ()
    """From version 2: the compressions that the sender reads; ``zstd`` is the only one. Unknown ones are ignored."""


@final
class Header(Struct, frozen=True, array_like=True, gc=False):
    """What goes before the arguments of a call. A MessagePack array; elements beyond the known are ignored."""

    operation: str
    """Service and method, as ``progress.complete``."""
    kind: Annotated[int, Meta(ge=0, le=3)]
    """The sum of 1 for a command (else it is a query) and, from version 2, 2 if the caller sends items."""
    credit: CreditCount
    """Items that may be sent at once if the operation streams; 0 if it does not."""
    remaining: Annotated[int, Meta(ge=0)] | None
    """Microseconds until the deadline, when the frame was made; None if there is none."""
    trace_id: Annotated[str, Meta(min_length=32, max_length=32)]
    """The W3C trace id, 32 hexadecimal digits."""
    identity: tuple[str, tuple[str, ...]] | None
    """On whose behalf: subject and scopes; None if nobody's."""
    extra: Mapping[str, Raw] = {}
    """Room for later context, such as an idempotency key; unknown keys are ignored."""

    @property
    def command(self) -> bool:
        """Whether the operation is a command, as the caller knows it."""
        return self.kind & 1 == 1

    @property
    def sends(self) -> bool:
        """Whether the caller sends items after the request."""
        return self.kind >= SENDS


@final
class Request(Struct, frozen=True, gc=False):
    """A call is opened. ``arguments`` is one MessagePack map by parameter name, not yet decoded.

    They are a view of a large message that came.
    """

    call_id: int
    header: Header
    arguments: bytes | memoryview


@final
class Reply(Struct, frozen=True, gc=False):
    """A call ended with this result, one MessagePack value."""

    call_id: int
    result: bytes


@final
class Error(Struct, frozen=True, gc=False):
    """A call ended with an error. The payload is an array of all but the call id, in this order."""

    call_id: int
    code: int
    """The canonical code."""
    name: str
    """The class of the error."""
    message: str
    fields: bytes
    """The fields of the error: a MessagePack map by name, in a bin."""
    trace_id: str | None
    """Under which the failure was logged by the callee."""
    begun: bool
    """False if the service was never asked: the call may be sent elsewhere, even a command."""
    retried: bool = False
    """Whether whoever answers has repeated a call of its own for this one and given up: then to repeat it here too
    would multiply the load. Left out of the array where it is false, as peers do that do not know of it."""


@final
class Cancel(Struct, frozen=True, gc=False):
    """The caller gave the call up."""

    call_id: int


@final
class Item(Struct, frozen=True, gc=False):
    """The next item of a stream, one MessagePack value."""

    call_id: int
    item: bytes


@final
class End(Struct, frozen=True, gc=False):
    """A stream ended well."""

    call_id: int


@final
class Credit(Struct, frozen=True, gc=False):
    """So many more items of the stream may be sent."""

    call_id: int
    items: int


@final
class Ping(Struct, frozen=True, gc=False):
    """A sign of life is asked for."""

    data: bytes


@final
class Pong(Struct, frozen=True, gc=False):
    """A sign of life, with the data of the PING."""

    data: bytes


@final
class Goodbye(Struct, frozen=True, gc=False):
    """The sender is leaving. ``last_call_id`` is the last of the peer's calls that it has begun."""

    reason: Reason
    message: str
    last_call_id: int


@final
class Chunk(Struct, frozen=True, gc=False):
    """A piece of the next message of the call: the frame that follows its chunks has the last piece."""

    call_id: int
    piece: bytes


Frame: TypeAlias = Hello | Request | Reply | Error | Cancel | Item | End | Credit | Ping | Pong | Goodbye | Chunk
