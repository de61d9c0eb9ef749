"""The calls in flight on one connection: the state of each, and the credit of those that stream.

Both ends keep one, and both move it by the table ``CALL``. A frame that this side sends against the table is a bug
here (RuntimeError); one that it receives against the table is the peer's violation (WireError).
"""

from __future__ import annotations

from typing import Final, final

from .frames import FrameType
from .reason import Reason, WireError
from .state import CALL, CallState, Side

_ENDED: Final = CallState.ENDED
_SENDING: Final = frozenset({CallState.UNARY_SENDING, CallState.STREAM_SENDING})
_LIVE: Final = frozenset({CallState.UNARY, CallState.STREAM}) | _SENDING


@final
class Calls:
    """The calls that have been opened and not answered yet."""

    __slots__ = ("_other", "_side", "allowance", "credit", "last_id", "states")

    def __init__(self, side: Side) -> None:
        self._side = side
        self._other = Side.CALLEE if side is Side.CALLER else Side.CALLER
        self.states: dict[int, CallState] = {}
        self.credit: dict[int, int] = {}
        """Items that the callee may still send, for the calls that stream."""
        self.allowance: dict[int, int] = {}
        """Items that the caller may still send, for the calls whose caller has not sent all."""
        self.last_id = 0
        """The id of the call that was opened last; ids only grow."""

    def open(self, call_id: int, credit: int, sends: bool) -> None:
        """Note a call that was opened; one that is granted no items does not stream."""
        self.last_id = max(self.last_id, call_id)
        if credit:
            self.credit[call_id] = credit
        if sends:
            self.allowance[call_id] = 0
            self.states[call_id] = CallState.STREAM_SENDING if credit else CallState.UNARY_SENDING
        else:
            self.states[call_id] = CallState.STREAM if credit else CallState.UNARY

    def sends(self, call_id: int, frame: FrameType) -> None:
        """Note a frame that this side sends. Raises RuntimeError if it may not."""
        state = self.states.get(call_id, _ENDED)
        after = CALL.get((state, self._side, frame))
        if after is None or state is _ENDED:
            raise RuntimeError(f"{frame.name} can't be sent for the call {call_id}, which is {state.value}")
        self._set(call_id, state, after)

    def receives(self, call_id: int, frame: FrameType) -> bool:
        """Note a frame that the peer sent; return whether it still matters. Raises WireError if it may not come."""
        state = self.states.get(call_id, _ENDED)
        after = CALL.get((state, self._other, frame))
        if call_id > self.last_id:
            raise WireError(Reason.OUT_OF_STATE, f"{frame.name} came for the call {call_id}, which was not opened")
        if after is None:
            raise WireError(Reason.OUT_OF_STATE, f"{frame.name} came for the call {call_id}, which is {state.value}")
        self._set(call_id, state, after)
        return state in _LIVE

    def _set(self, call_id: int, state: CallState, after: CallState) -> None:
        if after is state:
            return
        if after is _ENDED:
            self.forget(call_id)
        else:
            self.states[call_id] = after
            if state in _SENDING:
                del self.allowance[call_id]

    def spend(self, call_id: int, side: Side) -> bool:
        """Take one item off what a side may send for a call; return whether there was one."""
        granted = self.credit if side is Side.CALLEE else self.allowance
        credit = granted[call_id]
        if credit:
            granted[call_id] = credit - 1
        return credit > 0

    def grant(self, call_id: int, side: Side, items: int) -> int:
        """Let a side send so many more items for a call; return how many it may send now, 0 if it has sent all."""
        granted = self.credit if side is Side.CALLEE else self.allowance
        if call_id not in granted:
            return 0
        granted[call_id] += items
        return granted[call_id]

    def is_live(self, call_id: int) -> bool:
        """Whether it was opened, and neither answered nor cancelled."""
        return self.states.get(call_id) in _LIVE

    def is_sending(self, call_id: int) -> bool:
        """Whether its caller may still send items."""
        return self.states.get(call_id) in _SENDING

    def forget(self, call_id: int) -> bool:
        """Drop a call; return whether anybody still waited for it."""
        self.credit.pop(call_id, None)
        self.allowance.pop(call_id, None)
        return self.states.pop(call_id) in _LIVE

    def clear(self) -> None:
        """Drop every call."""
        self.states.clear()
        self.credit.clear()
        self.allowance.clear()
