"""Results that are large, and bytes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freestone.call.large import LARGE, decoded, head_of
from freestone.contract import Contract, Message, operations, query
from freestone.errors import Internal


class Picture(Message):
    """Bytes, and more."""

    pixels: bytes


class Store(Contract):
    """What is large."""

    @query
    async def data(self) -> bytes:
        """Return bytes."""

    @query
    async def maybe(self) -> bytes | None:
        """Return bytes, or nothing."""

    @query
    async def picture(self) -> Picture:
        """Return bytes among others."""


DATA, MAYBE, PICTURE = (operations(Store)[name] for name in ("data", "maybe", "picture"))


@given(st.integers(LARGE + 1, 2 * LARGE), st.binary(min_size=1, max_size=9))
def test_what_is_sent_as_it_is_equals_what_is_encoded(size: int, pattern: bytes) -> None:
    """A caller that knows nothing of this reads it."""
    result = (pattern * size)[:size]
    head = head_of(DATA, result)
    assert head is not None
    assert head + result == DATA.encode_result(result)
    assert asyncio.run(decoded(DATA, head + result)) == result


@pytest.mark.parametrize("result", [b"small", bytes(LARGE), None, "x" * (LARGE + 1), bytearray(LARGE + 1)])
def test_everything_else_is_encoded(result: object) -> None:
    """What is small, and what is no bytes."""
    assert head_of(DATA, result) is None


def test_bytes_among_others_are_encoded() -> None:
    """The contract has to say that there is nothing else."""
    assert head_of(MAYBE, bytes(LARGE + 1)) is None
    assert head_of(PICTURE, Picture(pixels=bytes(LARGE + 1))) is None


async def test_other_results_are_decoded_as_ever() -> None:
    """And with the same error for what the contract does not say."""
    picture = Picture(pixels=bytes(LARGE))
    assert await decoded(PICTURE, PICTURE.encode_result(picture)) == picture
    assert await decoded(MAYBE, MAYBE.encode_result(None)) is None
    assert await decoded(DATA, DATA.encode_result(b"small")) == b"small"
    for wrong in (b"\xc6\x00\x00\x00\x09" + bytes(8), PICTURE.encode_result(picture)):
        with pytest.raises(Internal, match="returned what its contract does not say"):
            await decoded(DATA, wrong)


async def test_others_have_their_turns_while_it_is_copied() -> None:
    """Some sixty of them during 64 MB."""
    size, turns, loop = 64 * 2**20, 0, asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    head = head_of(DATA, bytes(size))
    assert head is not None
    answer = head + bytes(size)
    turn()
    result = await decoded(DATA, answer)
    assert len(result) == size
    assert turns >= 64
