"""Bytes that are large, among arguments and in results."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freestone.call import (
    Dispatcher,
    MemoryAddress,
    MemoryNetwork,
    Pool,
    Server,
    StaticResolver,
    WireTransport,
    client,
)
from freestone.call import large as module
from freestone.call.large import LARGE, Large, large_of
from freestone.contract import Contract, Message, command, operations, query
from freestone.errors import Internal, InvalidArgument
from freestone.wire import Hello, Parts

HELLO = Hello(application="academy", process="store", instance="1")


class Picture(Message):
    """Bytes, and more."""

    title: str
    pixels: bytes
    thumb: bytes = b""


class Renamed(Message, rename={"pixels": "p"}):
    """Bytes by another name."""

    pixels: bytes


class Kind(Message, tag="kind", omit_defaults=True):
    """Has its kind with it, and not what is as ever."""

    title: str = ""
    pixels: bytes = b""
    more: int = 0


Wide = msgspec.defstruct("Wide", [(f"field{number}", bytes) for number in range(20)], bases=(Message,), frozen=True)


class Checked(Message):
    """Looks at itself."""

    pixels: bytes

    def __post_init__(self) -> None:
        if not self.pixels:
            raise ValueError("there are no pixels")


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

    @query
    async def renamed(self) -> Renamed:
        """Return bytes by another name."""

    @query
    async def kind(self) -> Kind:
        """Return what is written in part."""

    @query
    async def wide(self) -> Wide:  # type: ignore[valid-type]
        """Return more fields than one byte counts."""

    @query
    async def checked(self) -> Checked:
        """Return what looks at itself."""

    @command
    async def keep(self, title: str, data: bytes, more: bytes = b"", times: int = 1) -> int:
        """Take bytes among others."""

    @query
    async def count(self, words: list[str]) -> int:
        """Take no bytes."""


OF = operations(Store)
DATA, MAYBE, PICTURE, KEEP = (OF[name] for name in ("data", "maybe", "picture", "keep"))
sizes = st.one_of(st.integers(0, 9), st.integers(LARGE - 9, LARGE + 9), st.integers(2 * LARGE, 3 * LARGE))


def large(name: str) -> Large:
    found = large_of(OF[name])
    assert found is not None
    return found


async def taken(data: bytes) -> tuple[Any, ...]:
    arguments, filling = large("keep").decode_arguments(data)
    return arguments if filling is None else await filling()


@settings(deadline=None, max_examples=60)  # megabytes take their time on a busy machine
@given(sizes, sizes, st.text(max_size=5), st.binary(min_size=1, max_size=9))
def test_arguments_that_are_sent_as_they_are_equal_what_is_encoded(
    size: int, other: int, title: str, pattern: bytes
) -> None:
    """A callee that knows nothing of this reads them, and one that does reads what others have encoded."""
    arguments = (title, (pattern * size)[:size], (pattern * other)[:other], 7)
    sent, encoded = large("keep").encode_arguments(arguments), KEEP.encode_arguments(arguments)
    assert b"" + sent == encoded
    assert isinstance(sent, Parts) is (max(size, other) > LARGE)
    assert asyncio.run(taken(encoded)) == arguments


@settings(deadline=None, max_examples=60)  # megabytes take their time on a busy machine
@given(sizes, sizes, st.text(max_size=5), st.binary(min_size=1, max_size=9))
def test_results_that_are_sent_as_they_are_equal_what_is_encoded(
    size: int, other: int, title: str, pattern: bytes
) -> None:
    """Bytes, and records with bytes in them."""
    pixels, thumb = (pattern * size)[:size], (pattern * other)[:other]
    for name, result in (
        ("data", pixels),
        ("picture", Picture(title=title, pixels=pixels, thumb=thumb)),
        ("renamed", Renamed(pixels=pixels)),
        ("kind", Kind(pixels=pixels)),
        ("kind", Kind(title=title, pixels=pixels, more=1)),
        ("wide", Wide(*[pixels if number == 7 else title.encode() for number in range(19)], thumb)),
    ):
        sent, encoded = large(name).encode_result(result), OF[name].encode_result(result)
        assert b"" + sent == encoded
        assert asyncio.run(large(name).decode_result(encoded)) == result


def test_what_is_large_is_not_copied() -> None:
    """It is the same object."""
    data = bytes(LARGE + 1)
    for sent in (
        large("data").encode_result(data),
        large("picture").encode_result(Picture(title="a", pixels=data)),
        large("renamed").encode_result(Renamed(pixels=data)),
        large("keep").encode_arguments(("a", data, b"", 1)),
    ):
        assert isinstance(sent, Parts)
        assert any(part is data for part in sent.parts)


@pytest.mark.parametrize("name", ["maybe", "checked", "count"])
def test_everything_else_is_encoded(name: str) -> None:
    """What may be something else, or looks at itself."""
    assert large_of(OF[name]) is None


async def test_what_the_contract_does_not_say_is_refused_as_ever() -> None:
    """With the same error."""
    data, many = bytes(LARGE + 1), {f"{number}": 1 for number in range(100_000)}
    for wrong in (
        msgspec.msgpack.encode({"title": 1, "data": data}),
        msgspec.msgpack.encode({"data": data}),
        msgspec.msgpack.encode({1: data}),
        msgspec.msgpack.encode({"title": data, "data": data}),
        msgspec.msgpack.encode([data]),
        msgspec.msgpack.encode(many),
        msgspec.msgpack.encode({"title": "a", "data": data})[:-1],
        b"\x82\xa5title\xa1a\xa4data" + b"\x91" * LARGE,
    ):
        with pytest.raises(InvalidArgument) as ever:
            KEEP.decode_arguments(wrong)
        with pytest.raises(InvalidArgument) as now:
            await taken(wrong)
        assert str(now.value) == str(ever.value)
        with pytest.raises(Internal, match="returned what its contract does not say"):
            await large("picture").decode_result(wrong)
    for wrong in (b"\xc6\x00\x00\x00\x09" + bytes(8), b"\xc6", b"", msgspec.msgpack.encode({"title": "a"})):
        with pytest.raises(Internal, match="returned what its contract does not say"):
            await large("data").decode_result(wrong)


async def test_of_two_entries_with_one_name_the_last_counts() -> None:
    """As where nothing is large."""
    large_, small = msgspec.msgpack.encode(bytes(LARGE + 1)), msgspec.msgpack.encode(b"b")
    for first, last in ((large_, small), (small, large_)):
        twice = b"\x83\xa5title\xa1a\xa4data" + first + b"\xa4data" + last
        assert await taken(twice) == KEEP.decode_arguments(twice)


async def test_others_have_their_turns_while_it_is_copied() -> None:
    """Some sixty of them during 64 MB."""
    size, turns, loop = 64 * 2**20, 0, asyncio.get_running_loop()
    done = False

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not done:
            loop.call_soon(turn)

    encoded = PICTURE.encode_result(Picture(title="a", pixels=bytes(size)))
    loop.call_soon(turn)
    result = await large("picture").decode_result(encoded)
    done = True
    assert len(result.pixels) == size
    assert 60 <= turns <= 70


class StoreService(Store):
    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, bytes, int]] = []

    async def keep(self, title: str, data: bytes, more: bytes = b"", times: int = 1) -> int:
        self.kept.append((title, data, more, times))
        return len(data)

    async def picture(self) -> Picture:
        title, data, more, _ = self.kept[-1]
        return Picture(title=title, pixels=data, thumb=more)

    async def data(self) -> bytes:
        return self.kept[-1][1]


@pytest.mark.parametrize("versions", [(1, 2), (1,)], ids=["chunks", "one frame"])
async def test_large_bytes_cross_between_processes(versions: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, whichever version of the protocol is spoken, and each is copied a little at a time."""
    copied, copies = module._copied, list[int]()
    monkeypatch.setattr(module, "_copied", lambda view: (copies.append(len(view)), copied(view))[1])
    network, service = MemoryNetwork(), StoreService()
    hello = msgspec.structs.replace(HELLO, versions=versions)
    server = Server(Dispatcher({"store": service}), hello, network=network)
    await server.listen(MemoryAddress("store"))
    pool = Pool(hello, StaticResolver({"store": [MemoryAddress("store")]}), random=random.Random(1), network=network)
    store = client(Store, WireTransport(pool, "store", "store"))
    data, more = random.Random(2).randbytes(3_000_000), random.Random(3).randbytes(500_000)
    try:
        async with asyncio.timeout(30):
            assert await store.keep("a", data, more, times=3) == len(data)
            assert service.kept == [("a", data, more, 3)]
            assert await store.picture() == Picture(title="a", pixels=data, thumb=more)
            assert await store.data() == data
            assert await store.keep("b", b"small") == 5
            assert await store.picture() == Picture(title="b", pixels=b"small")
            assert copies == [len(data), len(more), len(data), len(more), len(data)]
    finally:
        await pool.close()
        await server.close()
