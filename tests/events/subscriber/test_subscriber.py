"""A service hears events: each takes effect once, those of a key in order."""

from __future__ import annotations

from typing import Any


async def test_what_is_published_takes_effect(rig: Any, place: Any) -> None:
    """In the handler's transaction."""
    async with rig.listening():
        await rig.broker.publish([place(number, f"key {number % 3}") for number in range(30)])
        await rig.heard.handled(30)

    assert sorted(await rig.entries()) == list(range(30))
    for key in range(3):
        assert await rig.entries(f"key {key}") == list(range(key, 30, 3))
