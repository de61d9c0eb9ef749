"""The calls in flight on one connection: the state of each, and the credit of those that stream.

Both ends keep one, and both move it by the table ``CALL``. A frame that this side sends against the table is a bug
here (RuntimeError); one that it receives against the table is the peer's violation (WireError).
"""

from __future__ import annotations

from typing import Final, final

from .frames import FrameType
from .reason import Reason, WireError
from .state import CALL, CallState

_ENDED: Final = CallState.ENDED
_LIVE: Final = frozenset({CallState.UNARY, CallState.STREAM})


@final
class Calls:
    """The calls that have been opened and not answered yet."""

    __slots__ = ("credit", "last_id", "states")

    def __init__(self) -> None:
        self.states: dict[int, CallState] = {}
        self.credit: dict[int, int] = {}
        """Items that may still be sent, for the calls that stream."""
        self.last_id = 0
        """The id of the call that was opened last; ids only grow."""

    def open(self, call_id: int, credit: int) -> None:
        """Note a call that was opened; one that is granted no items does not stream."""
        self.last_id = call_id
        if credit:
            self.states[call_id] = CallState.STREAM
            self.credit[call_id] = credit
        else:
            self.states[call_id] = CallState.UNARY

    def sends(self, call_id: int, frame: FrameType) -> None:
        """Note a frame that this side sends. Raises RuntimeError if it may not."""
        state = self.states.get(call_id, _ENDED)
        after = CALL.get((state, frame))
        if after is None or state is _ENDED:
            raise RuntimeError(f"{frame.name} can't be sent for the call {call_id}, which is {state.value}")
        self._set(call_id, state, after)

    def receives(self, call_id: int, frame: FrameType) -> bool:
        """Note a frame that the peer sent; return whether it still matters. Raises WireError if it may not come."""
        state = self.states.get(call_id, _ENDED)
        after = CALL.get((state, frame))
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

    def spend(self, call_id: int) -> bool:
        """Take one item off the credit of a stream; return whether there was one."""
        credit = self.credit[call_id]
        if credit:
            self.credit[call_id] = credit - 1
        return credit > 0

    def forget(self, call_id: int) -> bool:
        """Drop a call; return whether anybody still waited for it."""
        self.credit.pop(call_id, None)
        return self.states.pop(call_id) in _LIVE

    def clear(self) -> None:
        """Drop every call."""
        self.states.clear()
        self.credit.clear()
