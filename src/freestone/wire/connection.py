"""One connection of the wire, without I/O: bytes go in and events come out, calls go in and bytes come out.

The driver feeds what arrives to ``receive_data`` and acts on the events; it writes what ``data_to_send`` returns
whenever ``outgoing`` says that there is something. Every decision of the protocol is made here: who may send what
when, what is over a limit, what a violation means. Time is the driver's, as are the limits that concern it; it says
``fail`` when one of those is over.

A connection never raises because of what a peer sent. A violation closes it, queues the GOODBYE that says why, and is
the last event; what came before it in the same bytes counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from msgspec import Struct
from msgspec.structs import replace

from freestone.errors import Code

from .assembly import Assembly
from .calls import Calls
from .codec import COUNTED, HEAD, decode, encode
from .frames import (
    LAST_CALL,
    Cancel,
    Credit,
    End,
    Error,
    Frame,
    FrameType,
    Goodbye,
    Hello,
    Item,
    Ping,
    Pong,
    Reply,
    Request,
)
from .greeting import agree
from .limits import FrameTooLarge, Limits
from .reason import Reason, WireError
from .request import RequestEncoder
from .state import CONNECTION, CallState, Move, Side, State

_pack: Final = HEAD.pack
_unpack: Final = HEAD.unpack_from
_HEAD_SIZE: Final = HEAD.size
_NO_FIELDS: Final = b"\x80"

_UNARY: Final = CallState.UNARY
_UNARY_CANCELLED: Final = CallState.UNARY_CANCELLED
_OPEN: Final = State.OPEN


@final
class Violation(Struct, frozen=True):
    """The peer broke the protocol; the connection is closed. The peer is told the same in a GOODBYE."""

    reason: Reason
    message: str


Event: TypeAlias = Frame | Violation
"""What ``receive_data`` returns: the frames that the driver must know of, or the violation that ended it all."""


@final
class Connection:
    """The protocol's state at one end of a connection.

    ``hello`` says who this side is; its limits are filled in from ``limits``. ``start`` queues it. Methods that send
    raise RuntimeError when the protocol does not allow the frame now: that is a bug of the driver, not of the peer.

    >>> here = Connection(Side.CALLER, Hello(application="academy", process="edge", instance="1"))
    >>> there = Connection(Side.CALLEE, Hello(application="academy", process="catalog", instance="2"))
    >>> here.start(); there.start()
    >>> there.receive_data(here.data_to_send())[0].process
    'edge'
    >>> here.receive_data(there.data_to_send())[0].process
    'catalog'
    >>> here.state, here.version
    (<State.OPEN: 'open'>, 1)
    """

    __slots__ = (
        "_assembly", "_calls", "_peer_frame", "_pings", "_readers", "_side",
        "_states", "frames", "hello", "limits", "outgoing", "peer", "state", "version",
    )  # fmt: skip

    def __init__(self, side: Side, hello: Hello, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.hello = replace(hello, max_frame=self.limits.frame, max_calls=self.limits.calls)
        self.state = State.IDLE
        self.peer: Hello | None = None
        """Who is at the other end, after the handshake."""
        self.version = 0
        """The version of the protocol that is spoken, after the handshake."""
        self.outgoing: list[bytes] = []
        """What waits to be written; read it to know whether there is something, take it with ``data_to_send``."""
        self.frames = 0
        """How many times ``receive_data`` has completed a frame; it stands still while one is under way."""
        self._side = side
        self._calls = Calls()
        self._states = self._calls.states
        self._assembly = Assembly(self.limits.hello)
        self._pings = 0
        self._peer_frame = 0
        self._readers: dict[int, Callable[[int, bytes, list[Event]], None]] = {
            FrameType.HELLO: self._receive_hello,
            FrameType.GOODBYE: self._receive_goodbye,
        }

    # --- what is known

    @property
    def in_flight(self) -> int:
        """How many calls are not answered yet, those that were cancelled included."""
        return len(self._states)

    @property
    def mid_frame(self) -> bool:
        """Whether the last bytes that came are the beginning of a frame."""
        return self._assembly.pending

    @property
    def accepts(self) -> bool:
        """Whether a call can be opened now: greeted, nobody leaving, call ids left, the peer not at its limit."""
        return (
            self.state is _OPEN
            and self._calls.last_id < LAST_CALL
            and self.peer is not None
            and len(self._states) < self.peer.max_calls
        )

    @property
    def exhausted(self) -> bool:
        """Whether the call ids are used up, so that another connection is needed."""
        return self._calls.last_id >= LAST_CALL

    def credit(self, call_id: int) -> int:
        """Return how many items of the stream may still be sent; 0 if it is over."""
        return self._calls.credit.get(call_id, 0)

    # --- bytes out

    def data_to_send(self) -> bytes:
        """Return what waits to be written, and forget it."""
        outgoing = self.outgoing
        if len(outgoing) == 1:
            data = outgoing[0]
        else:
            data = b"".join(outgoing)
        outgoing.clear()
        self._pings = 0
        return data

    def start(self) -> None:
        """Greet. It is the first thing that either side does, without waiting for the other."""
        self._move(Move.SEND_HELLO)
        self.outgoing.append(encode(self.hello))

    def send_request(self, encoder: RequestEncoder, remaining: int, trace: bytes, tail: bytes, arguments: bytes) -> int:
        """Open a call, and return its id. The arguments are those of ``RequestEncoder.encode``.

        Raises FrameTooLarge if the peer would not take it, ValueError if the header is too long.
        """
        if self.state is not _OPEN or self._side is not Side.CALLER or self._calls.last_id >= LAST_CALL:
            raise RuntimeError(f"no call can be opened: the connection is {self.state.value}")
        call_id = self._calls.last_id + 1
        frame = encoder.encode(call_id, remaining, trace, tail, arguments)
        if len(frame) - 4 > self._peer_frame:
            raise FrameTooLarge(_too_large("the request", len(frame) - 4, self._peer_frame))
        self._calls.open(call_id, encoder.credit)
        self.outgoing.append(frame)
        return call_id

    def send_reply(self, call_id: int, result: bytes) -> None:
        """End a call with its result. Raises FrameTooLarge if the peer would not take it; the call stays open."""
        length = COUNTED + len(result)
        if length > self._peer_frame:
            raise FrameTooLarge(_too_large("the result", length, self._peer_frame))
        # What Calls.sends does, without a call: nothing else is sent as often.
        state = self._states.get(call_id)
        if state is not _UNARY and state is not _UNARY_CANCELLED:
            self._calls.sends(call_id, FrameType.REPLY)
        del self._states[call_id]
        self.outgoing.append(_pack(length, 3, call_id) + result)

    def send_error(self, error: Error) -> None:
        """End a call with an error. Raises FrameTooLarge if the peer would not take it; the call stays open."""
        data = encode(error)
        if len(data) - 4 > self._peer_frame:
            raise FrameTooLarge(_too_large("the error", len(data) - 4, self._peer_frame))
        self._calls.sends(error.call_id, FrameType.ERROR)
        self.outgoing.append(data)

    def send_item(self, call_id: int, item: bytes) -> None:
        """Send the next item of a stream, for which there must be ``credit``. Raises FrameTooLarge."""
        length = COUNTED + len(item)
        if length > self._peer_frame:
            raise FrameTooLarge(_too_large("the item", length, self._peer_frame))
        self._calls.sends(call_id, FrameType.ITEM)
        if not self._calls.spend(call_id):
            raise RuntimeError(f"the stream {call_id} has no credit left")
        self.outgoing.append(_pack(length, 6, call_id) + item)

    def send_end(self, call_id: int) -> None:
        """End a stream well."""
        self._calls.sends(call_id, FrameType.END)
        self.outgoing.append(encode(End(call_id)))

    def send_cancel(self, call_id: int) -> None:
        """Give a call up. It counts as in flight until the callee has answered, but yields no more events."""
        self._calls.sends(call_id, FrameType.CANCEL)
        self.outgoing.append(encode(Cancel(call_id)))

    def send_credit(self, call_id: int, items: int) -> None:
        """Let the callee send that many more items of the stream."""
        self._calls.sends(call_id, FrameType.CREDIT)
        self._calls.credit[call_id] += items
        self.outgoing.append(encode(Credit(call_id, items)))

    def send_ping(self, data: bytes) -> None:
        """Ask for a sign of life; ``data`` is 8 bytes that come back."""
        if self.state in (State.IDLE, State.GREETING, State.CLOSED):
            raise RuntimeError(f"no ping can be sent: the connection is {self.state.value}")
        self.outgoing.append(encode(Ping(data)))

    def send_goodbye(self, message: str) -> None:
        """Leave: the calls in flight finish, and no more are begun."""
        self._move(Move.SEND_GOODBYE)
        last = self._calls.last_id if self._side is Side.CALLEE else 0
        self.outgoing.append(encode(Goodbye(Reason.DRAINING, message, last)))

    def fail(self, reason: Reason, message: str) -> None:
        """Close the connection for that reason, and queue the GOODBYE that says so. Does nothing if it is closed."""
        if self.state is State.CLOSED:
            return
        last = self._calls.last_id if self._side is Side.CALLEE else 0
        if self.state is not State.IDLE:
            self.outgoing.append(encode(Goodbye(reason, message, last)))
        self._close()

    # --- bytes in

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes that arrived, in whatever pieces, and return what they mean."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        whole = self._assembly.join(data)
        if whole is None:
            return events
        try:
            self._parse(whole, events)
        except WireError as error:
            self.fail(error.reason, str(error))
            events.append(Violation(error.reason, str(error)))
        return events

    def _parse(self, data: bytes, events: list[Event]) -> None:
        offset, end, assembly = 0, len(data), self._assembly
        while end - offset >= _HEAD_SIZE:
            length, kind, call_id = _unpack(data, offset)
            if not COUNTED <= length <= assembly.largest:
                raise assembly.refusal(length)
            stop = offset + 4 + length
            if stop > end:
                break
            reader = self._readers.get(kind)
            if reader is None:
                raise self._unexpected(kind)
            self.frames += 1
            reader(call_id, data[offset + _HEAD_SIZE : stop], events)
            if not self._readers:
                return
            offset = stop
        if offset < end:
            self._assembly.keep(data[offset:])

    def _unexpected(self, kind: int) -> WireError:
        if self.peer is None:
            return WireError(Reason.NOT_FREESTONE, f"the first frame has the type {kind}; HELLO is {FrameType.HELLO}")
        try:
            name = FrameType(kind).name
        except ValueError:
            return WireError(Reason.MALFORMED, f"{kind} is not a type of frame")
        return WireError(Reason.OUT_OF_STATE, f"{name} came from the {_other(self._side).value} after the handshake")

    def _receive_hello(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        hello = decode(FrameType.HELLO, call_id, payload, depth=self.limits.depth)
        assert isinstance(hello, Hello)
        self._move(Move.RECEIVE_HELLO)
        self.version = agree(self.hello, hello)
        self.peer = hello
        self._peer_frame = hello.max_frame
        self._assembly.greeted = True
        self._assembly.largest = self.limits.frame
        self._readers = self._greeted_readers()
        events.append(hello)

    def _greeted_readers(self) -> dict[int, Callable[[int, bytes, list[Event]], None]]:
        both: dict[int, Callable[[int, bytes, list[Event]], None]] = {
            FrameType.PING: self._receive_ping,
            FrameType.PONG: self._receive_pong,
            FrameType.GOODBYE: self._receive_goodbye,
        }
        if self._side is Side.CALLER:
            return both | {
                FrameType.REPLY: self._receive_reply,
                FrameType.ERROR: self._receive_error,
                FrameType.ITEM: self._receive_item,
                FrameType.END: self._receive_end,
            }
        return both | {
            FrameType.REQUEST: self._receive_request,
            FrameType.CANCEL: self._receive_cancel,
            FrameType.CREDIT: self._receive_credit,
        }

    def _receive_request(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        request = decode(FrameType.REQUEST, call_id, payload, depth=self.limits.depth)
        assert isinstance(request, Request)
        if call_id <= self._calls.last_id:
            raise WireError(Reason.OUT_OF_STATE, f"the call id {call_id} came after {self._calls.last_id}")
        if self.state is State.DRAINING:
            self._calls.last_id = call_id  # it crossed the GOODBYE, which told its sender that it is not begun
            return
        if self.state is not _OPEN:
            raise WireError(Reason.OUT_OF_STATE, "REQUEST came after GOODBYE")
        if len(self._states) >= self.limits.calls:
            self._calls.last_id = call_id
            self.outgoing.append(encode(_refusal(call_id, self.limits.calls)))
            return
        self._calls.open(call_id, request.header.credit)
        events.append(request)

    def _receive_reply(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        if self._states.get(call_id) is _UNARY:  # what Calls.receives does, without a call
            del self._states[call_id]
            events.append(Reply(call_id, payload))
        else:
            self._calls.receives(call_id, FrameType.REPLY)

    def _receive_error(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        error = decode(FrameType.ERROR, call_id, payload, depth=self.limits.depth)
        if self._calls.receives(call_id, FrameType.ERROR):
            events.append(error)

    def _receive_item(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        wanted = self._calls.receives(call_id, FrameType.ITEM)
        if not self._calls.spend(call_id):
            raise WireError(Reason.OVER_CREDIT, f"an item of the stream {call_id} came that had not been granted")
        if wanted:
            events.append(Item(call_id, payload))

    def _receive_end(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        end = decode(FrameType.END, call_id, payload)
        if self._calls.receives(call_id, FrameType.END):
            events.append(end)

    def _receive_cancel(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        cancel = decode(FrameType.CANCEL, call_id, payload)
        if self._calls.receives(call_id, FrameType.CANCEL):
            events.append(cancel)

    def _receive_credit(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        credit = decode(FrameType.CREDIT, call_id, payload)
        assert isinstance(credit, Credit)
        if self._calls.receives(call_id, FrameType.CREDIT):
            granted = self._calls.credit[call_id] + credit.items
            if granted > self.limits.credit:
                raise WireError(Reason.FLOOD, f"the stream {call_id} was granted {granted} items")
            self._calls.credit[call_id] = granted
            events.append(credit)

    def _receive_ping(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        ping = decode(FrameType.PING, call_id, payload)
        assert isinstance(ping, Ping)
        self._pings += 1
        if self._pings > self.limits.pings:
            raise WireError(Reason.FLOOD, f"{self._pings} pings came before one could be answered")
        self.outgoing.append(encode(Pong(ping.data)))

    def _receive_pong(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        events.append(decode(FrameType.PONG, call_id, payload))

    def _receive_goodbye(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        goodbye = decode(FrameType.GOODBYE, call_id, payload, depth=self.limits.depth)
        assert isinstance(goodbye, Goodbye)
        if goodbye.reason is not Reason.DRAINING or self.peer is None:
            self._close()
        else:
            self._move(Move.RECEIVE_GOODBYE)
        events.append(goodbye)
        if self.state is not State.CLOSED and self._side is Side.CALLER:
            self._give_back(goodbye, events)

    def _give_back(self, goodbye: Goodbye, events: list[Event]) -> None:
        """End the calls that the peer has not begun and will not begin, as calls that may go elsewhere."""
        message = f"the callee is leaving: {goodbye.message}"
        newer = [call_id for call_id in self._states if call_id > goodbye.last_call_id]
        events.extend(
            Error(call_id, Code.UNAVAILABLE, "Unavailable", message, _NO_FIELDS, None, begun=False)
            for call_id in newer
            if self._calls.forget(call_id)
        )

    # --- transitions

    def _move(self, move: Move) -> None:
        after = CONNECTION.get((self.state, move))
        if after is None:
            problem = f"{move.value} is not possible while the connection is {self.state.value}"
            if move in (Move.RECEIVE_HELLO, Move.RECEIVE_GOODBYE):
                raise WireError(Reason.OUT_OF_STATE, problem)
            raise RuntimeError(problem)
        self.state = after

    def _close(self) -> None:
        self._move(Move.FAIL)
        self._readers = {}
        self._calls.clear()
        self._assembly.clear()


def _refusal(call_id: int, limit: int) -> Error:
    message = f"{limit} calls are in flight on this connection, which is its limit"
    return Error(call_id, Code.RESOURCE_EXHAUSTED, "ResourceExhausted", message, _NO_FIELDS, None, begun=False)


def _too_large(what: str, size: int, limit: int) -> str:
    return f"{what} has {size} bytes; the limit is {limit}"


def _other(side: Side) -> Side:
    return Side.CALLEE if side is Side.CALLER else Side.CALLER
