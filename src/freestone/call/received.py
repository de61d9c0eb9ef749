"""The items that the caller of a call sends over the wire, as its handler takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final, final

from freestone.contract import Operation

from .connection import ENDED
from .inflow import Inflow

if TYPE_CHECKING:
    from .session import Session

WINDOW: Final = 32
"""Items that may be under way; half of it taken, as much is granted again."""


@final
class ReceivedItems:
    """An iterator for the handler. The caller may send nothing before the first item is asked for."""

    __slots__ = ("_call_id", "_operation", "_session", "_taken", "inflow")

    def __init__(self, session: Session, call_id: int, operation: Operation) -> None:
        self.inflow = Inflow(session.loop)
        self._session = session
        self._call_id = call_id
        self._operation = operation
        self._taken = -1
        if not session.wire.sends_items(call_id):  # its end has come before it was begun
            self.inflow.set_result(ENDED)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._taken < 0:
            self._taken = 0
            self._grant(WINDOW)
        item = await self.inflow.take()
        if not isinstance(item, bytes):
            if item is ENDED:
                raise StopAsyncIteration
            raise RuntimeError("the call has ended, and with it the items of its caller")
        self._taken += 1
        if self._taken % (WINDOW // 2) == 0:
            self._grant(WINDOW // 2)
        return self._operation.decode_item(item)

    def _grant(self, items: int) -> None:
        wire, link = self._session.wire, self._session.link
        if wire.sends_items(self._call_id) and not link.closing:
            wire.send_credit(self._call_id, items)
            link.send()
