"""One connection of the wire, without I/O: bytes go in and events come out, calls go in and bytes come out.

The driver feeds what arrives to ``receive_data`` and acts on the events; it writes what ``data_to_send`` returns
whenever ``outgoing`` says that there is something. Every decision of the protocol is made here: who may send what
when, what is over a limit, what a violation means. Time is the driver's, as are the limits that concern it; it says
``fail`` when one of those is over.

A connection never raises because of what a peer sent. A violation closes it, queues the GOODBYE that says why, and is
the last event; what came before it in the same bytes counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias, final

from msgspec import Struct

from .answer import cancelled, given_back, refused
from .assembly import Assembly
from .calls import Calls
from .codec import COMPRESSED, COUNTED, HEAD, decode, encode, read_large_request, read_request
from .frames import (
    LAST_CALL,
    Cancel,
    Chunk,
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
)
from .greeting import agree, greeting
from .limits import Limits
from .outbound import Outbound
from .parts import Body, parts_of
from .reason import Reason, WireError
from .request import RequestEncoder
from .state import CONNECTION, CallState, Move, Side, State
from .unfinished import Unfinished

_pack: Final = HEAD.pack
_unpack: Final = HEAD.unpack_from
_HEAD_SIZE: Final = HEAD.size

_MESSAGES: Final = frozenset({FrameType.REQUEST, FrameType.REPLY, FrameType.ERROR, FrameType.ITEM, FrameType.CHUNK})
"""The frames whose payload may be compressed."""

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
    (<State.OPEN: 'open'>, 2)
    """

    __slots__ = (
        "_assembly", "_calls", "_most", "_outbound", "_outflow", "_pings", "_plain", "_readers", "_side", "_states",
        "_unfinished", "frames", "hello", "large", "limits", "outgoing", "peer", "state", "version",
    )  # fmt: skip

    def __init__(self, side: Side, hello: Hello, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.hello = greeting(hello, self.limits)
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
        self._calls = Calls(side)
        self._states = self._calls.states
        self._assembly = Assembly(self.limits.hello)
        self._unfinished = Unfinished(self.limits)
        self._outbound = Outbound(self.outgoing, self.limits)
        self._outflow = self._outbound.flow
        self.large: Collection[int] = self._outflow.calls
        """The calls that have large messages to send; ``chunks_to_send`` gives them bit by bit."""
        self._pings = 0
        self._plain = 0  # that of _outbound, which every call asks for
        self._most = 0  # calls that the peer serves at a time
        self._readers: dict[int, Callable[[int, bytes, list[Event]], None]] = {
            FrameType.HELLO: self._receive_hello,
            FrameType.GOODBYE: self._receive_goodbye,
        }

    # --- what is known

    @property
    def in_flight(self) -> int:
        """How many calls are not answered yet, those included that were cancelled, or whose request is under way."""
        if self._side is Side.CALLER or not self._unfinished.calls:
            return len(self._states)
        return len(self._states) + sum(call_id not in self._states for call_id in self._unfinished.calls)

    @property
    def mid_frame(self) -> bool:
        """Whether the last bytes that came are the beginning of a frame."""
        return self._assembly.pending

    @property
    def accepts(self) -> bool:
        """Whether a call can be opened now: greeted, nobody leaving, call ids left, the peer not at its limit."""
        return self.state is _OPEN and len(self._states) < self._most and self._calls.last_id < LAST_CALL

    @property
    def exhausted(self) -> bool:
        """Whether the call ids are used up, so that another connection is needed."""
        return self._calls.last_id >= LAST_CALL

    def credit(self, call_id: int) -> int:
        """Return how many items of the stream may still be sent; 0 if it is over."""
        return self._calls.credit.get(call_id, 0)

    def allowance(self, call_id: int) -> int:
        """Return how many items the caller may still send for the call; 0 if it has sent all, or the call is over."""
        return self._calls.allowance.get(call_id, 0)

    def sends_items(self, call_id: int) -> bool:
        """Whether the caller of that call may still send items: the call is not over, and neither are they."""
        return self._calls.is_sending(call_id)

    @property
    def waiting(self) -> int:
        """Bytes of the large messages that are not sent, or not all of them."""
        return self._outflow.waiting

    # --- bytes out

    def data_to_send(self) -> bytes:
        """Return what waits to be written, large messages excepted, and forget it."""
        outgoing = self.outgoing
        if len(outgoing) == 1:
            data = outgoing[0]
        else:
            data = b"".join(outgoing)
        outgoing.clear()
        self._pings = 0
        return data

    def chunks_to_send(self, most: int) -> bytes:
        """Return the next pieces of large messages, a frame of each in turn and about that many bytes together."""
        return b"".join(self._outflow.take(most))

    def start(self) -> None:
        """Greet. It is the first thing that either side does, without waiting for the other."""
        self._move(Move.SEND_HELLO)
        self.outgoing.append(encode(self.hello))

    def send_request(self, encoder: RequestEncoder, remaining: int, trace: bytes, tail: bytes, arguments: Body) -> int:
        """Open a call, and return its id. The arguments are those of ``RequestEncoder.encode``.

        Raises FrameTooLarge if the peer would not take it, ValueError if the header is too long.
        """
        if self.state is not _OPEN or self._side is not Side.CALLER or self._calls.last_id >= LAST_CALL:
            raise RuntimeError(f"no call can be opened: the connection is {self.state.value}")
        if encoder.sends and self.version < 2:
            raise RuntimeError("a caller sends items from version 2 of the protocol on")
        call_id = self._calls.last_id + 1
        if len(arguments) > self._plain:
            # Their bytes are not copied: they are what is large.
            head = encoder.encode(call_id, remaining, trace, tail, b"")[_HEAD_SIZE:]
            self._outbound.send("the request", FrameType.REQUEST, call_id, head, *parts_of(arguments))
        else:
            frame = encoder.encode(call_id, remaining, trace, tail, arguments)
            if len(frame) - 4 > self._plain:
                self._outbound.send("the request", FrameType.REQUEST, call_id, frame[_HEAD_SIZE:])
            else:
                self.outgoing.append(frame)
        if encoder.plain:  # what Calls.open does, without a call
            self._calls.last_id = call_id
            self._states[call_id] = _UNARY
        else:
            self._calls.open(call_id, encoder.credit, encoder.sends)
        return call_id

    def send_reply(self, call_id: int, result: Body) -> None:
        """End a call with its result. Raises FrameTooLarge if the peer would not take it; the call stays open."""
        length = COUNTED + len(result)
        if length > self._plain:
            self._outbound.check("the result", length - COUNTED)
        # What Calls.sends does, without a call: nothing else is sent as often.
        state = self._states.get(call_id)
        if state is _UNARY or state is _UNARY_CANCELLED:
            del self._states[call_id]
        else:
            self._calls.sends(call_id, FrameType.REPLY)
            self._unfinished.drop(call_id)
        if length <= self._plain:
            self.outgoing.append(_pack(length, 3, call_id) + result)
        elif state is _UNARY_CANCELLED:
            self.outgoing.append(encode(cancelled(call_id)))  # nobody waits for all that
        else:
            self._outbound.send("the result", FrameType.REPLY, call_id, *parts_of(result))

    def send_error(self, error: Error) -> None:
        """End a call with an error. Raises FrameTooLarge if the peer would not take it; the call stays open."""
        data, call_id = encode(error), error.call_id
        self._outbound.check("the error", len(data) - _HEAD_SIZE)
        self._calls.sends(call_id, FrameType.ERROR)
        self._unfinished.drop(call_id)
        if len(data) - 4 > self._plain or call_id in self._outflow.calls:
            self._outbound.send("the error", FrameType.ERROR, call_id, data[_HEAD_SIZE:])
        else:
            self.outgoing.append(data)

    def send_item(self, call_id: int, item: bytes) -> None:
        """Send the next item: the callee's, for which there must be ``credit``, or the caller's, with ``allowance``.

        Raises FrameTooLarge.
        """
        length = COUNTED + len(item)
        self._outbound.check("the item", len(item))
        self._calls.sends(call_id, FrameType.ITEM)
        if not self._calls.spend(call_id, self._side):
            raise RuntimeError(f"the stream {call_id} has no credit left")
        if length > self._plain or call_id in self._outflow.calls:
            self._outbound.send("the item", FrameType.ITEM, call_id, item)
        else:
            self.outgoing.append(_pack(length, 6, call_id) + item)

    def send_end(self, call_id: int) -> None:
        """End this side's items well; the callee's end is the end of the call."""
        self._calls.sends(call_id, FrameType.END)
        if self._side is Side.CALLEE:
            self._unfinished.drop(call_id)
        if call_id in self._outflow.calls:
            self._outflow.add(FrameType.END, call_id)
        else:
            self.outgoing.append(encode(End(call_id)))

    def send_cancel(self, call_id: int) -> None:
        """Give a call up. It counts as in flight until the callee has answered, but yields no more events."""
        self._calls.sends(call_id, FrameType.CANCEL)
        self._outflow.drop(call_id)
        self._unfinished.drop(call_id)
        self.outgoing.append(encode(Cancel(call_id)))

    def send_credit(self, call_id: int, items: int) -> None:
        """Let the other side send that many more items. Does nothing if it has sent all."""
        self._calls.sends(call_id, FrameType.CREDIT)
        if self._calls.grant(call_id, _other(self._side), items):
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
        offset, end, assembly, readers = 0, len(data), self._assembly, self._readers
        while end - offset >= _HEAD_SIZE:
            length, kind, call_id = _unpack(data, offset)
            if not COUNTED <= length <= assembly.largest:
                raise assembly.refusal(length)
            stop = offset + 4 + length
            if stop > end:
                break
            reader = readers.get(kind)
            if reader is None:
                reader = self._compressed_reader(kind)
            reader(call_id, data[offset + _HEAD_SIZE : stop], events)
            offset = stop
            if readers is not self._readers:  # it has greeted, or is closed
                readers = self._readers
                if not readers:
                    break
        if offset:
            self.frames += 1
        if not readers:
            return
        if offset < end:
            self._assembly.keep(data[offset:])

    def _compressed_reader(self, kind: int) -> Callable[[int, bytes, list[Event]], None]:
        """Return what reads a frame of a type that is not plain. Raises WireError if there is none of that type."""
        reader = self._readers.get(kind ^ COMPRESSED)
        if reader is None or not self._outbound.compress or kind ^ COMPRESSED not in _MESSAGES:
            raise self._unexpected(kind)

        def read(call_id: int, payload: bytes, events: list[Event]) -> None:
            if not call_id:
                raise WireError(Reason.MALFORMED, "a compressed frame belongs to a call, and has the call id 0")
            if not payload and kind == FrameType.CHUNK | COMPRESSED:
                raise WireError(Reason.MALFORMED, "CHUNK is empty")
            self._keep_piece(call_id, payload, compressed=True)
            if kind != FrameType.CHUNK | COMPRESSED:
                reader(call_id, b"", events)

        return read

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
        self._most = hello.max_calls
        self._outbound.agree(hello, self.version)
        self._plain = self._outbound.plain
        self._outflow = self._outbound.flow
        self.large = self._outflow.calls
        self._assembly.greeted = True
        self._assembly.largest = self.limits.frame
        self._readers = self._greeted_readers()
        events.append(hello)

    def _greeted_readers(self) -> dict[int, Callable[[int, bytes, list[Event]], None]]:
        readers: dict[int, Callable[[int, bytes, list[Event]], None]] = {
            FrameType.PING: self._receive_ping,
            FrameType.PONG: self._receive_pong,
            FrameType.GOODBYE: self._receive_goodbye,
        }
        caller = self._side is Side.CALLER
        if caller:
            readers[FrameType.REPLY] = self._receive_reply
            readers[FrameType.ERROR] = self._receive_error
        else:
            readers[FrameType.REQUEST] = self._receive_request
            readers[FrameType.CANCEL] = self._receive_cancel
        if self.version >= 2:
            readers[FrameType.CHUNK] = self._receive_chunk
        if caller or self.version >= 2:
            readers[FrameType.ITEM] = self._receive_item
            readers[FrameType.END] = self._receive_end
        if not caller or self.version >= 2:
            readers[FrameType.CREDIT] = self._receive_credit
        return readers

    def _receive_chunk(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        chunk = decode(FrameType.CHUNK, call_id, payload)
        assert isinstance(chunk, Chunk)
        self._keep_piece(call_id, chunk.piece, compressed=False)

    def _keep_piece(self, call_id: int, piece: bytes, *, compressed: bool) -> None:
        """Keep a piece of a message, unless nobody waits for it any more. Raises WireError if it may not come."""
        calls = self._calls
        if self._side is Side.CALLER:
            if call_id not in self._states:
                raise WireError(Reason.OUT_OF_STATE, f"CHUNK came for the call {call_id}, which is not open")
            wanted = calls.is_live(call_id)
        elif call_id > calls.last_id:
            wanted = self._opens(call_id, "CHUNK")
        else:
            wanted = calls.is_sending(call_id) or call_id in self._unfinished.calls
            if not wanted and call_id in self._states:
                raise WireError(
                    Reason.OUT_OF_STATE, f"CHUNK came for the call {call_id}, which is {self._states[call_id].value}"
                )
        if wanted:
            self._unfinished.add(call_id, piece, compressed=compressed)

    def _opens(self, call_id: int, name: str) -> bool:
        """Note that a new call begins to come; return whether it is wanted. Raises WireError if it may not come."""
        if self.state is State.DRAINING:
            self._calls.last_id = call_id  # it crossed the GOODBYE, which told its sender that it is not begun
            return False
        if self.state is not _OPEN:
            raise WireError(Reason.OUT_OF_STATE, f"{name} came after GOODBYE")
        self._calls.last_id = call_id
        return True

    def _receive_request(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        if call_id in self._unfinished.calls and call_id not in self._states:
            request = read_large_request(call_id, self._unfinished.finish(call_id, payload), self.limits.depth)
        elif self.state is State.DRAINING:
            self._calls.last_id = max(call_id, self._calls.last_id)
            return
        elif call_id <= self._calls.last_id:
            raise WireError(Reason.OUT_OF_STATE, f"the call id {call_id} came after {self._calls.last_id}")
        else:
            self._opens(call_id, "REQUEST")
            request = read_request(call_id, payload, self.limits.depth)
        header = request.header
        if header.kind > 1 and self.version < 2:
            raise WireError(Reason.MALFORMED, f"{header.kind} is not a kind of call in version {self.version}")
        if len(self._states) >= self.limits.calls:
            self.outgoing.append(encode(refused(call_id, self.limits.calls)))
            return
        if header.credit or header.kind > 1:
            self._calls.open(call_id, header.credit, header.sends)
        else:
            self._states[call_id] = _UNARY
        events.append(request)

    def _receive_reply(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        if self._states.get(call_id) is _UNARY:  # what Calls.receives does, without a call
            del self._states[call_id]
        elif self._calls.receives(call_id, FrameType.REPLY):
            self._outflow.drop(call_id)
        else:
            return
        if self._unfinished.calls:
            payload = self._unfinished.finish(call_id, payload)
        events.append(Reply(call_id, payload))

    def _receive_error(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        if not self._calls.receives(call_id, FrameType.ERROR):
            return
        self._outflow.drop(call_id)
        payload = self._unfinished.finish(call_id, payload)
        events.append(decode(FrameType.ERROR, call_id, payload, depth=self.limits.depth))

    def _receive_item(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        wanted = self._calls.receives(call_id, FrameType.ITEM)
        if call_id in self._states and not self._calls.spend(call_id, _other(self._side)):
            raise WireError(Reason.OVER_CREDIT, f"an item of the stream {call_id} came that had not been granted")
        if wanted:
            if self._unfinished.calls:
                payload = self._unfinished.finish(call_id, payload)
            events.append(Item(call_id, payload))

    def _receive_end(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        end = decode(FrameType.END, call_id, payload)
        if self._unfinished.drop(call_id):
            raise WireError(Reason.OUT_OF_STATE, f"END came for the call {call_id} amid an item")
        if self._calls.receives(call_id, FrameType.END):
            if self._side is Side.CALLER:
                self._outflow.drop(call_id)  # the call is over
            events.append(end)

    def _receive_cancel(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        cancel = decode(FrameType.CANCEL, call_id, payload)
        opening = self._unfinished.drop(call_id) and call_id not in self._states
        if self._calls.receives(call_id, FrameType.CANCEL):
            events.append(cancel)
        # Nobody waits for what is still on its way, or will read a request to its end.
        answered = self._outflow.drop(call_id) and call_id not in self._states
        if opening or answered:
            self.outgoing.append(encode(cancelled(call_id, begun=answered)))

    def _receive_credit(self, call_id: int, payload: bytes, events: list[Event]) -> None:
        credit = decode(FrameType.CREDIT, call_id, payload)
        assert isinstance(credit, Credit)
        if self._calls.receives(call_id, FrameType.CREDIT):
            granted = self._calls.grant(call_id, self._side, credit.items)
            if granted > self.limits.credit:
                raise WireError(Reason.FLOOD, f"the stream {call_id} was granted {granted} items")
            if granted:
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
        newer = [call_id for call_id in self._states if call_id > goodbye.last_call_id]
        for call_id in newer:
            self._outflow.drop(call_id)
        events.extend(given_back(call_id, goodbye.message) for call_id in newer if self._calls.forget(call_id))

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
        self._unfinished.clear()
        self._outflow.clear()


def _other(side: Side) -> Side:
    return Side.CALLEE if side is Side.CALLER else Side.CALLER
