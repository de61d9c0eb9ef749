"""The echo that never looks at a message: however many have come together, one write answers them all."""

from __future__ import annotations

from .echo import ANSWER, Server, connect, serve_with

__all__ = ["connect", "serve"]


class _Blocks(Server):
    def answer(self, asked: int) -> None:
        self.transport.write(ANSWER * asked)


async def serve(address: str) -> None:
    """Answer until cancelled."""
    await serve_with(_Blocks, address)
