"""Passwords are hashed beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from academy.identity.passwords import MOST_WAITING, Passwords
from freestone.errors import ResourceExhausted

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(QUICK)
    yield made
    made.close()


async def test_a_password_matches_its_hash_alone(passwords: Passwords) -> None:
    """The right password is right, and any other is wrong."""
    hashed = await passwords.hash("correct horse")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "correct horsf")


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    """Each has a salt of its own."""
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    """Without a hash, and with a damaged one, every password is wrong."""
    assert not await passwords.verify(None, "nobody's")
    assert not await passwords.verify("damaged", "correct horse")


async def test_a_password_may_be_composed_in_two_ways(passwords: Passwords) -> None:
    """An é that is one character or two is the same password."""
    assert await passwords.verify(await passwords.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")


async def test_a_hash_is_outdated_when_the_parameters_rise(passwords: Passwords) -> None:
    """A hash that was made with less work is told from one that is as good as new."""
    hashed = await passwords.hash("correct horse")
    assert not passwords.is_outdated(hashed)
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert stronger.is_outdated(hashed)
    stronger.close()


async def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    """Hashing happens in other threads."""
    loop_went_on = threading.Event()

    class Waiting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            assert loop_went_on.wait(10)
            return "hashed"

    passwords = Passwords(Waiting())
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    loop_went_on.set()
    assert await hashing == "hashed"
    passwords.close()


async def test_a_crowd_is_refused() -> None:
    """Beyond a limit those who want to sign in are told to come back."""
    go_on = threading.Event()

    class Waiting(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            assert go_on.wait(10)
            return "hashed"

    passwords = Passwords(Waiting())
    crowd = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted, match="too many people are signing in"):
        await passwords.hash("correct horse")
    go_on.set()
    assert await asyncio.gather(*crowd) == ["hashed"] * MOST_WAITING
    assert await passwords.hash("correct horse") == "hashed"
    passwords.close()
